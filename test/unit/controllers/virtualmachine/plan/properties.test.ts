import { describe, expect, jest, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { parseNic, parseProperties, property } from '../../../../../src/pve/index.ts';
import { bytes, MiB, minutes } from '../../../../../src/lib/units.ts';
import { rootDiskOf } from '../../../../../controllers/shared/guests/disks.ts';
import { smbiosUuidOf } from '../../../../../controllers/shared/guests/identity.ts';
import type { Guest, GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { touches } from '../../../../../controllers/virtualmachine/steps/step-info.ts';
import type { DesiredNic } from '../../../../../controllers/virtualmachine/model/desired.ts';
import {
  isSameOwner,
  parseMark,
  textWithoutMark,
} from '../../../../../controllers/shared/guests/owner-mark.ts';
import { guestObstacles } from '../../../../../controllers/virtualmachine/placement/relocation.ts';
import { nicsOf } from '../../../../../controllers/virtualmachine/networks/nics.ts';
import { notRunningOf } from '../../../../../controllers/shared/guests/states.ts';
import { waitingChanges } from '../../../../../controllers/virtualmachine/restart/judge.ts';
import { awaitsBoot, seedDrives } from '../../../../../controllers/virtualmachine/cloud-init/seed-drive.ts';
import { plugsMemory } from '../../../../../controllers/virtualmachine/config/memory-modules.ts';
import { cpusOf, inForce, memoryMiBOf } from '../../../../../controllers/virtualmachine/config/size.ts';
import { unobstructed, desired, worlds, worldsWith } from '../../../../builders/arbitrary-worlds.ts';
import { drawn, expectIn, WORLDS_ON_DEMAND } from '../../../../builders/drawn-worlds.ts';
import { CREATION_AND_MOVE, GONE, NO_HA, type Wanted } from '../../../../builders/guests.ts';
import { planFor, run, type Run } from '../../../../builders/planner-run.ts';
import { isOurs, observe, type World } from '../../../../builders/planner-world.ts';
import { modules } from '../../../../fakepve/memory.ts';

const WORLDS = drawn(worlds, 250);
const DELETED = drawn(worldsWith(fc.constant(GONE)), 100);
/** For properties of worlds of their own kind. */
const FEW = 40;

jest.setTimeout(120_000 + WORLDS.count * 200);

function tell(passes: number[]): void {
  passes.sort((a, b) => a - b);
  const at = (share: number): number => passes[Math.ceil(share * passes.length) - 1] ?? 0;
  process.stdout.write(
    `passes to rest in ${passes.length} worlds: p50 ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)}\n`,
  );
}

/** To adopt a guest is the one change of a guest that is not ours yet. */
const changesOwnGuest = (step: Step): boolean => touches(step, 'guest', 'disk') && step.do !== 'adopt';

const hostOf = ({ want }: World) => (want.exists ? want.host : undefined);

const seenIn = (world: World): Guest | undefined => {
  const { presence } = observe(world);
  return presence.kind === 'seen' ? presence.guest : undefined;
};

/** Needs neither a write to the configuration nor a start afterwards. */
const worksWithoutQuorum = (step: Step, { want }: World): boolean =>
  touches(step, 'status') ||
  step.do === 'stop' ||
  step.do === 'runHook' ||
  (step.do === 'shutdown' && !(want.exists && want.power === 'On'));

test('without quorum the planner does nothing that needs it, in any world', () => {
  expectIn(WORLDS, (world) => {
    const { want } = world;
    const next = plan(want, { ...observe(world), noQuorum: true });
    if (next.kind === 'act') expect(worksWithoutQuorum(next.step, world)).toBe(true);
  });
});

describe('from wherever it starts, the planner', () => {
  test('settles in a bounded number of steps, and then does nothing but wait', () => {
    const passes: number[] = [];
    expectIn(WORLDS, (world) => {
      const way = run(world);
      passes.push(way.passes);
      expect(way.steps.length).toBeLessThanOrEqual(20);
      expect(way.last.kind).not.toBe('act');
      expect(run(way.end).steps).toEqual([]);
    });
    if (WORLDS_ON_DEMAND !== undefined) tell(passes);
  });

  test('reaches the desired state where nothing stands in the way', () => {
    expectIn(drawn(worlds.map(unobstructed), FEW), (world) => {
      const { end, last } = run(world);
      expect(last.kind).toBe(world.want.exists ? 'steady' : 'gone');
      expectDesired(end);
    });
  });

  test('settles nowhere but at the desired state', () => {
    expectIn(WORLDS, (world) => {
      const { end, last } = run(world);
      if (last.kind === 'steady' || last.kind === 'gone') expectDesired(end);
    });
  });

  test('goes on to the rest of the spec although the root disk is to be smaller', () => {
    expectIn(
      drawn(
        worldsWith(desired.map((digests) => ({ ...digests, rootDisk: bytes(MiB) }))).map(unobstructed),
        FEW,
      ),
      (world) => {
        expect(run(world).last.kind).toBe('steady');
      },
    );
  });
});

/** Nothing but the guest itself may stand in the way. */
function expectPlaced({ want, guest, arrived, moveFails }: World): void {
  if (!want.exists || want.host === undefined || !guest || moveFails) return;
  const isLeft = arrived === want.host && want.driftPolicy !== 'Revert';
  const isFree = guest.lock === undefined && guestObstacles(guest).length === 0;
  if (isFree && !isLeft) expect(guest.node).toBe(want.host);
}

function expectDesired(world: World): void {
  const { want, guest, claim, noted, devices } = world;
  expectPlaced(world);
  if (!want.exists) {
    expect(claim).toBeUndefined();
    expect(noted).toBeUndefined();
    return;
  }
  const { config, running, state } = guest!;
  expect(running).toBe(want.power === 'On');
  if (running) expect(state).toBe('running');
  if (observe(world).drift) return; // left as somebody else made it
  const most = running ? cpusOf(inForce(guest!)).ceiling : Infinity;
  expect(cpusOf(config).now).toBe(Math.min(want.cpus, most));
  expect(cpusOf(config).ceiling).toBeGreaterThanOrEqual(want.cpus);
  const memory = want.memory / MiB;
  if (want.maxMemory === undefined) expect(memoryMiBOf(config)).toBe(possibleMemory(memory, config));
  else expect(config).toMatchObject({ balloon: String(memory), shares: '0' });
  expect(memoryMiBOf(config)).toBeGreaterThanOrEqual(memory);
  expectAgent(want, config);
  const size = rootDiskOf(config)?.size;
  if (want.rootDisk !== undefined && size !== undefined) expect(size).toBeGreaterThanOrEqual(want.rootDisk);
  expectNics(want, config, devices);
  if (observe(world).notApplied.length === 0) expectOptions(want, config);
  expectNoSecretsLeft(world);
}

/** Memory that is plugged comes in modules; a spec that lies between two amounts gets the next one. */
const possibleMemory = (mib: number, config: GuestConfig): number =>
  plugsMemory(config) ? modules(mib) : mib;

/** An adopted guest, which has a UUID of its own, keeps the agent as it is unless a hook needs it. */
function expectAgent({ owner, hooks }: Wanted, config: GuestConfig): void {
  if (smbiosUuidOf(config) !== owner.uid && !hooks) return;
  expect(property(parseProperties(config['agent'] ?? ''), 'enabled', 'enabled')).toBe('1');
}

/** An image of ours that has served is nowhere any more. */
function expectNoSecretsLeft({ guest, noted, answers, volumes, delivery, now }: World): void {
  if (!guest?.running || !answers || awaitsBoot({ mode: 'Image', ...delivery }, guest, now)) return;
  expect(seedDrives(guest)).toEqual([]);
  expect([noted, ...volumes]).toEqual([undefined]);
}

function expectNics(want: Wanted, config: GuestConfig, devices: World['devices']): void {
  for (const nic of want.nics ?? [])
    expect(nicsOf(config)).toContainEqual(
      expect.objectContaining({ bridge: nic.bridge, vlan: nic.vlan, ...(nic.model && { model: nic.model }) }),
    );
  for (const { name, device } of devices)
    expectSettings(config[device], want.nics?.find((nic) => nic.name === name)?.settings);
}

function expectSettings(text = '', settings: DesiredNic['settings'] = {}): void {
  const { properties } = parseNic(text);
  for (const [key, value] of Object.entries(settings)) {
    const off = value === '0' || value === '';
    expect(property(properties, key) ?? '0').toBe(off ? '0' : value);
  }
}

const tagsOf = (config: GuestConfig): string[] =>
  (config['tags'] ?? '').toLowerCase().split(';').filter(Boolean);

function expectOptions({ options = {}, cpuType, owner }: Wanted, config: GuestConfig): void {
  expect(tagsOf(config)).toEqual(expect.arrayContaining([...(options.tags ?? [])]));
  if (options.description !== undefined) {
    expect(parseMark(config['description'])).toEqual(owner);
    expect(textWithoutMark(config['description'] ?? '').trim()).toBe(options.description);
  }
  if (options.onBoot !== undefined) expect(config['onboot'] === '1').toBe(options.onBoot);
  if (options.protection !== undefined) expect(config['protection'] === '1').toBe(options.protection);
  if (options.startup?.down !== undefined)
    expect(config['startup']).toContain(`down=${options.startup.down}`);
  if (cpuType !== undefined) expect(config['cpu']).toMatch(new RegExp(`^(cputype=)?${cpuType}(,|$)`));
}

/** The step that is planned now belongs to a restart, or starts the guest after one. */
const isRestart = (world: World): boolean => {
  const { note } = observe(world).restart ?? {};
  return note !== undefined || (world.restartedAt !== undefined && seenIn(world)?.running === false);
};

/** A guest that is ours, runs and is to run. */
const running = (digests: Partial<Wanted>): fc.Arbitrary<World> =>
  worldsWith(desired.map((each) => ({ ...each, power: 'On' as const, ...digests })))
    .map(unobstructed)
    .filter(({ guest, claim }) => guest?.running === true && claim !== undefined)
    .map((world) => ({ ...world, task: undefined, cloned: false }));

const goesDown = ({ step }: Run['steps'][number]): boolean => ['shutdown', 'stop'].includes(step.do);

describe('a restart', () => {
  const request = '2026-03-01T12:00:00Z';

  test('is not made unless it was asked for or the policy allows it', () => {
    const isUnasked = ({ want, restartedAt }: World): boolean => {
      const { requestedAt, policy } = (want.exists && want.restart) || {};
      return policy === undefined && (requestedAt === undefined || requestedAt <= (restartedAt ?? ''));
    };
    expectIn(
      drawn(running({}), FEW),
      (world) => expect(run(world).steps.filter(goesDown)).toEqual([]),
      isUnasked,
    );
  });

  test('that was asked for is made once, announced before and written down after', () => {
    // HA may be at it already, whoever asked.
    const asked = running({ restart: { requestedAt: request } }).map((world) => ({
      ...world,
      guest: world.guest && { ...world.guest, ha: NO_HA },
    }));
    expectIn(drawn(asked, FEW), (world) => {
      const { steps, end, last } = run(world);
      const downs = steps.filter(goesDown);
      expect(downs).toHaveLength(1);
      expect(downs[0]?.world.note).toMatchObject({ cause: 'Requested', of: request, stopped: false });
      expect(end.restartedAt).toBe(request);
      expect(end.guest?.running).toBe(true);
      expect(last.kind).toBe('steady');
      const start = steps.find(({ step }) => step.do === 'start');
      expect(start?.world.restartedAt).toBe(request);
    });
  });

  test('leaves nothing that waits, where the policy allows it and no other has the turn', () => {
    expectIn(drawn(running({ restart: { policy: 'IfRequired' } }), FEW), (start) => {
      const world = { ...start, othersTurn: false, note: undefined };
      const { steps, end, last } = run(world);
      expect(last.kind).toBe('steady');
      expect(steps.filter(goesDown).length).toBeLessThanOrEqual(1);
      const { drift, awaited = [] } = observe(end);
      expect(waitingChanges(end.guest!, { drift, awaited })).toBeUndefined();
      expectDesired(end);
    });
  });

  test.each([
    ['while another VM of the class has the turn', { restart: { policy: 'IfRequired' as const } }],
    [
      'outside the maintenance window',
      {
        restart: {
          policy: 'MaintenanceWindow' as const,
          window: { schedule: '0 3 * * *', duration: minutes(60) },
        },
      },
    ],
  ])('is not begun %s', (_when, digests) => {
    expectIn(drawn(running(digests), FEW), (start) => {
      const { steps, last } = run({ ...start, othersTurn: true, note: undefined });
      expect(steps.filter(goesDown)).toEqual([]);
      expect(last.kind).toBe('steady');
    });
  });
});

/** CPUs that were held back until a restart are the spec's to change after it. */
const withoutHeldCpus = (world: World): World =>
  world.guest
    ? {
        ...world,
        guest: { ...world.guest, pending: world.guest.pending.filter(({ key }) => key !== 'cores') },
      }
    : world;

describe('what somebody else changed in Proxmox VE', () => {
  const applied = (policy: 'Report' | 'Revert') =>
    worldsWith(desired.map((digests) => ({ ...digests, driftPolicy: policy })))
      .map(unobstructed)
      .map((world) => ({ ...withoutHeldCpus(world), applied: 'this' as const, cloned: false }));

  test('is left as it is and reported, and the guest is started and stopped all the same', () => {
    expectIn(drawn(applied('Report'), FEW), (world) => {
      const { steps, end, last } = run(world);
      // What cloud-init was asked to hand over, and its image, are no drift.
      const configured = steps.filter(
        ({ step }) =>
          step.do === 'configure' &&
          !Object.entries(step.change.set).every(
            ([key, value]) =>
              /media=cdrom|:cloudinit$/.test(String(value)) || /^(ci|sshkeys|ipconfig)/.test(key),
          ),
      );
      if (world.guest && world.claim) expect(configured).toEqual([]);
      expect(last.kind).toBe('steady');
      expect(end.guest?.running).toBe(world.want.exists && world.want.power === 'On');
    });
  });

  test('is brought back where the spec says so', () => {
    expectIn(drawn(applied('Revert'), FEW), (world) => {
      const { end, last } = run(world);
      expect(last.kind).toBe('steady');
      expect(observe(end).change).toBeUndefined();
      expectDesired(end);
    });
  });
});

describe('whatever happens, the planner', () => {
  test('says that a guest is configured only in a write that makes no volume and so cannot stop half way', () => {
    expectIn(WORLDS, (world) => {
      for (const { step } of run(world).steps) {
        if (step.do !== 'configure' || !('smbios1' in step.change.set)) continue;
        expect(step.change.set).not.toHaveProperty('efidisk0');
        for (const value of Object.values(step.change.set)) expect(String(value)).not.toMatch(/:cloudinit/);
      }
    });
  });

  test('takes no tag from a guest but those that it set', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        if (step.do !== 'configure' || step.bestEffort?.key !== 'tags') continue;
        const left = tagsOf({ tags: step.bestEffort.value ?? '' });
        const lost = tagsOf(seenIn(at)!.config).filter((tag) => !left.includes(tag));
        for (const tag of lost) expect(at.ownTags).toContain(tag);
      }
    });
  });

  test('stops no guest that runs before its hook ran, and starts none whose hook is not written down', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        const { hooks } = at.want;
        if (step.do === 'start' && hooks?.postStart)
          expect(at.hook).toMatchObject({ name: 'postStart', state: 'Due' });
        const guest = seenIn(at);
        if ((step.do === 'stop' || step.do === 'shutdown') && hooks?.preStop && !notRunningOf(guest!))
          expect(at.hook).toMatchObject({ name: 'preStop', state: 'Succeeded' });
      }
    });
  });

  test('removes or stops no guest that the spec protects', () => {
    expectIn(drawn(worldsWith(fc.constant({ ...GONE, protection: true })), FEW), (world) => {
      for (const { step } of run(world).steps) expect(changesOwnGuest(step)).toBe(false);
    });
  });

  test('acts on a guest only if the guest carries our mark', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps)
        if (changesOwnGuest(step)) expect(isOurs(at, seenIn(at)!)).toBe(true);
    });
  });

  test('leaves the guest of someone else as it is', () => {
    expectIn(
      WORLDS,
      (world) => {
        const { steps } = run(world);
        for (const { step } of steps.slice(0, 1)) expect(changesOwnGuest(step)).toBe(false);
      },
      (world) => world.guest !== undefined && !isOurs(world, world.guest),
    );
  });

  test('starts nothing for an object that is being deleted', () => {
    expectIn(DELETED, (world) => {
      for (const { step } of run(world).steps) {
        // A guest that was never configured is protected only because its template is.
        if (step.do === 'configure') expect(step.change).toEqual({ set: { protection: 0 }, delete: [] });
        else expect(['reserve', 'shutdown', 'destroy', 'releaseClaim', 'deleteSeed']).toContain(step.do);
      }
    });
  });

  test('lets a deleted object go when someone else has its number, and does not touch their guest', () => {
    const foreign = worldsWith(fc.constant(GONE)).filter(
      (world) =>
        world.claim !== undefined &&
        !world.blind &&
        !!world.guest &&
        !isSameOwner(world.guest.mark, world.want.owner) &&
        ![world.want.owner.uid, world.claim.uuid].includes(smbiosUuidOf(world.guest.config)) &&
        !['clone', 'create'].includes(world.guest.lock ?? ''),
    );
    expectIn(drawn(foreign, FEW), (world) => {
      const { end, last } = run(world);
      expect(last.kind).toBe('gone');
      expect(end.guest).toEqual(world.guest);
    });
  });

  test('does nothing while a task runs, whoever started it', () => {
    expectIn(
      WORLDS,
      (world) => {
        const next = planFor(world);
        if (world.task?.state === 'running') expect(next.kind).toBe('wait');
        if (next.kind === 'act') expect(changesOwnGuest(next.step)).toBe(false);
      },
      ({ task, othersTasks }) => task?.state === 'running' || othersTasks.length > 0,
    );
  });

  test('does nothing to a guest that Proxmox VE holds locked, save destroying one that is suspended to disk', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps)
        if (changesOwnGuest(step) && step.do !== 'destroy') expect(seenIn(at)?.lock).toBeUndefined();
        else if (step.do === 'destroy') expect([undefined, 'suspended']).toContain(seenIn(at)?.lock);
    });
  });

  test('changes a configuration only with the digest it has just read', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps)
        if ('digest' in step) expect(step.digest).toBe(seenIn(at)?.digest);
    });
  });

  test('never sets and deletes the same key, and never writes nothing', () => {
    expectIn(WORLDS, (world) => {
      for (const { step } of run(world).steps) {
        if (step.do !== 'configure') continue;
        const { set, delete: remove } = step.change;
        expect(remove.filter((key) => key in set)).toEqual([]);
        expect(Object.keys(set).length + remove.length).toBeGreaterThan(0);
      }
    });
  });

  test('never makes a disk smaller', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps)
        if (step.do === 'growDisk')
          expect(step.to).toBeGreaterThan(rootDiskOf(seenIn(at)!.config)?.size ?? Infinity);
    });
  });

  test('never both starts and stops a guest for one spec', () => {
    expectIn(WORLDS, (world) => {
      const { steps } = run(world);
      const done = new Set(steps.filter(({ world: at }) => !isRestart(at)).map(({ step }) => step.do));
      expect(done.has('start') && (done.has('stop') || done.has('shutdown'))).toBe(false);
    });
  });

  test('leaves a guest that is not executing as it is, unless it is to be off or gone', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        const guest = seenIn(at);
        if (!guest || notRunningOf(guest) === undefined) continue;
        expect(step.do).not.toBe('start');
        if (step.do === 'stop') expect(world.want).toMatchObject({ power: 'Off' });
        if (step.do === 'shutdown') expect(world.want.exists).toBe(false);
      }
    });
  });

  test('asks HA for nothing that it is at already, and for nothing at all once it gave the guest up', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        const ha = seenIn(at)?.ha;
        if (!ha?.managed) continue;
        if (step.do === 'start') expect(['started', 'error']).not.toContain(ha.state);
        if (step.do === 'shutdown') expect(['request_stop', 'error']).not.toContain(ha.state);
      }
    });
  });

  test('clones at most once for one claim, and never for a guest that was made', () => {
    expectIn(WORLDS, (world) => {
      const clones = run(world).steps.filter(({ step }) => step.do === 'clone');
      expect(clones.length).toBeLessThanOrEqual(1);
      for (const { world: at } of clones) expect(observe(at).claim?.made).toBe(false);
    });
  });

  test('moves only a guest that is off and was never configured, to the node that was chosen', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        if (step.do !== 'migrate' || step.move.asked) continue;
        expect(seenIn(at)).toMatchObject({ running: false });
        expect(smbiosUuidOf(seenIn(at)!.config)).not.toBe(at.want.owner.uid);
        expect(step.move.to).toBe(hostOf(at) ?? at.claim?.placement?.node);
      }
    });
  });

  test('moves a guest that was made only to the node of the spec, and back only where drift is reverted', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        if (step.do !== 'migrate' || !step.move.asked) continue;
        expect(step.move.to).toBe(hostOf(at));
        const { driftPolicy } = at.want as Wanted;
        if (at.arrived === step.move.to) expect(driftPolicy).toBe('Revert');
        expect(step.move.online === true).toBe(seenIn(at)!.running);
      }
    });
  });

  test('does all else that a spec asks for while a move fails', () => {
    expectIn(drawn(worldsWith(desired).map(unobstructed), FEW), (world) => {
      expectDesired(run({ ...world, moveFails: true }).end);
    });
  });

  test('moves a guest that was cloned beside its template before it configures and starts it', () => {
    const fresh = worldsWith(
      desired.map((digests) => ({ ...digests, host: undefined, creation: CREATION_AND_MOVE })),
    )
      .map(unobstructed)
      .map((world) => ({
        ...world,
        want: { ...world.want, creation: CREATION_AND_MOVE },
        guest: undefined,
        claim: undefined,
        task: undefined,
        failure: undefined,
        othersTasks: [],
      }));
    expectIn(drawn(fresh, FEW), (world) => {
      const { steps, end } = run(world);
      const done = steps.map(({ step }) => step.do);
      expect(done.slice(0, 3)).toEqual(['reserve', 'clone', 'migrate']);
      expect(end.guest?.node).toBe(CREATION_AND_MOVE.node);
    });
  });

  test('makes a guest that says by its SMBIOS table whose it is, and touches the table of no other', () => {
    expectIn(WORLDS, (world) => {
      const { steps, end, last } = run(world);
      const clones = steps.some(({ step }) => step.do === 'clone');
      if (clones && last.kind === 'steady')
        expect(smbiosUuidOf(end.guest?.config ?? {})).toBe(world.want.owner.uid);
      for (const { step, world: at } of steps)
        if (step.do === 'configure' && 'smbios1' in step.change.set) expect(at.cloned).toBe(true);
    });
  });

  test('uploads an image only under a name that was noted before', () => {
    expectIn(WORLDS, (world) => {
      for (const { step, world: at } of run(world).steps) {
        if (step.do === 'uploadSeed') expect(step.seed.volume).toBe(at.noted);
        if (step.do === 'configure' && step.change.seed)
          expect(at.volumes).toContain(step.change.seed.volume);
      }
    });
  });

  test('leaves no image behind', () => {
    expectIn(DELETED, (world) => {
      const { end, last } = run(world);
      if (last.kind === 'gone') expect([...end.volumes]).toEqual([]);
    });
  });
});
