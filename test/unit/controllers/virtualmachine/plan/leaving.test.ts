import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { FORCE_DELETE } from '../../../../../src/api/index.ts';
import { withoutMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import type { Observed } from '../../../../../controllers/virtualmachine/model/observed.ts';
import type { DeletionPolicy } from '../../../../../controllers/virtualmachine/model/desired.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { releasesUnresolved } from '../../../../../controllers/virtualmachine/plan/leaving.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { arbitraryText } from '../../../../builders/arbitrary-text.ts';
import { worldsWith } from '../../../../builders/arbitrary-worlds.ts';
import { aClaim, aMark, configOf, FOREIGN, GONE, observed, seen } from '../../../../builders/guests.ts';
import { Life } from '../../../../builders/life.ts';
import { aVirtualMachine, UID, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { run } from '../../../../builders/planner-run.ts';
import { isOurs } from '../../../../builders/planner-world.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';

const leaving = (deletionPolicy: DeletionPolicy) => ({ ...GONE, deletionPolicy });
const MADE = aClaim({ made: true });
const SEED = 'local:iso/virtrigaud-101-0123.iso';
const WITH_SEED = configOf(aMark(), { ide2: `${SEED},media=cdrom,size=366K` });

const planned = (policy: DeletionPolicy, have: Partial<Observed>) =>
  plan(leaving(policy), observed({ claim: MADE, ...have }));
const step = (policy: DeletionPolicy, have: Partial<Observed>) => {
  const next = planned(policy, have);
  return next.kind === 'act' ? next.step : undefined;
};

describe('an object that leaves its guest behind', () => {
  test('takes its lines out of the description, keeps what people wrote, and then goes', () => {
    const config = configOf();
    expect(step('Retain', { presence: seen() })).toEqual({
      do: 'configure',
      change: { set: {}, delete: ['description'] },
      digest: 'digest-1',
    });
    const described = { ...config, description: `Ask Ann first.\n\n${config['description'] ?? ''}` };
    expect(step('Retain', { presence: seen({ config: described }) })).toMatchObject({
      change: { set: { description: 'Ask Ann first.' }, delete: [] },
    });
    expect(planned('Retain', { presence: seen({ mark: undefined }) })).toEqual({
      kind: 'gone',
      left: { by: 'policy', vmid: 101, node: 'pve-1' },
    });
  });

  test('reverts what our spec asked for and is not in effect yet, and names what others changed', () => {
    const memory = { key: 'memory', current: '1024', pending: '2048' };
    const others = [
      { key: 'balloon', current: '512', pending: '0' },
      { key: 'cores', current: '1', pending: '4' },
    ];
    // What others changed since is theirs, and a disk that would be reverted belonged to nothing.
    const disk = { key: 'sata1', pending: 'local-lvm:vm-101-disk-1,size=1G' };
    const pending = [memory, ...others, disk];
    const requestedChanges = [memory, { key: 'cores', current: '1', pending: '2' }, disk];
    for (const policy of ['Retain', 'Stop'] as const)
      expect(step(policy, { presence: seen({ pending }), requestedChanges })).toEqual({
        do: 'revertPending',
        keys: ['memory'],
        digest: 'digest-1',
      });
    expect(step('Retain', { presence: seen({ pending: others }), requestedChanges })?.do).toBe('configure');
    const left = planned('Retain', { presence: seen({ mark: undefined, pending: others }) });
    expect(left).toMatchObject({ kind: 'gone', left: { pending: ['balloon', 'cores'] } });
  });

  test('ejects the cloud-init image before it deletes it, and that before it lets the guest go', () => {
    const have = { seedVolume: SEED, hasBooted: true };
    expect(step('Retain', { ...have, presence: seen({ config: WITH_SEED }) })).toMatchObject({
      do: 'configure',
      change: { set: { ide2: 'none,media=cdrom' } },
    });
    expect(step('Retain', { ...have, presence: seen() })).toEqual({ do: 'deleteSeed', volume: SEED });
    expect(step('Retain', { presence: seen() })?.do).toBe('configure');
  });

  test('leaves the image that a snapshot contains, and names it', () => {
    const have = { seedVolume: SEED, seedKeptBy: 'first', hasBooted: true };
    expect(step('Retain', { ...have, presence: seen() })).toMatchObject({
      change: { delete: ['description'] },
    });
    expect(planned('Retain', { ...have, presence: seen({ mark: undefined }) })).toMatchObject({
      kind: 'gone',
      left: { volume: SEED },
    });
  });

  test('lets a guest that has just started read its image', () => {
    const have = { seedVolume: SEED, presence: seen({ config: WITH_SEED }) };
    expect(planned('Retain', have)).toMatchObject({ kind: 'wait', reason: 'FirstBoot' });
  });

  test('leaves the image to a guest that is off, and names it', () => {
    const off = { config: WITH_SEED, running: false };
    expect(step('Retain', { seedVolume: SEED, presence: seen(off) })).toMatchObject({
      change: { delete: ['description'] },
    });
    expect(planned('Retain', { seedVolume: SEED, presence: seen({ ...off, mark: undefined }) })).toEqual({
      kind: 'gone',
      left: { by: 'policy', vmid: 101, node: 'pve-1', volume: SEED },
    });
  });

  test('shuts the guest down first where the policy is Stop, protected or not', () => {
    const config = configOf(aMark(), { protection: '1' });
    expect(step('Stop', { presence: seen({ config }) })).toEqual({ do: 'shutdown', graceSeconds: 60 });
    expect(step('Stop', { presence: seen({ config, running: false }) })?.do).toBe('configure');
  });

  test('does not touch the guest of another owner on its number', () => {
    for (const policy of ['Retain', 'Stop'] as const)
      expect(step(policy, { presence: seen({ mark: FOREIGN, config: configOf(FOREIGN) }) })).toEqual({
        do: 'releaseClaim',
        vmid: 101,
      });
  });

  test('destroys nothing, wherever it starts, and takes nothing from the guest but the mark and the image', () => {
    const worlds = worldsWith(fc.constantFrom(leaving('Retain'), leaving('Stop')));
    fc.assert(
      fc.property(worlds, (world) => {
        const { steps, end, last } = run(world);
        for (const { step: taken, world: at } of steps) {
          expect(['reserve', 'configure', 'shutdown', 'releaseClaim', 'deleteSeed']).toContain(taken.do);
          if (taken.do === 'shutdown') expect(world.want).toEqual(leaving('Stop'));
          if (taken.do === 'configure' || taken.do === 'shutdown') expect(isOurs(at, at.guest!)).toBe(true);
        }
        const { description: _now, ide2: _drive, ...kept } = end.guest?.config ?? {};
        const { description: _before, ide2: _image, ...was } = world.guest?.config ?? {};
        expect(kept).toEqual(was);
        if (last.kind === 'gone' && last.left) expect(end.guest?.config['description']).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('an object that has no VMID, while its Provider cannot be asked', () => {
  const deleted = (status: VirtualMachineChange['status']) =>
    aVirtualMachine({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' }, status });
  const notConnected = { ok: false, reason: 'ProviderNotReady', message: '' } as const;

  test('goes where the Provider does not exist, or reports that it has no connection', () => {
    expect(releasesUnresolved(deleted({}), { ...notConnected, reason: 'ProviderNotFound' })).toBeDefined();
    expect(releasesUnresolved(deleted({}), { ...notConnected, early: false })).toBeDefined();
  });

  test('waits for a Provider that was not tried yet, because its own status may have been lost', () => {
    expect(releasesUnresolved(deleted({}), { ...notConnected, early: true })).toBeUndefined();
  });

  test('waits in any case if something was made', () => {
    const made = deleted({ vmid: vmid(101) });
    expect(releasesUnresolved(made, { ...notConnected, reason: 'ProviderNotFound' })).toBeUndefined();
  });

  test('stays if it is not deleted', () => {
    expect(releasesUnresolved(aVirtualMachine({}), { ...notConnected, early: false })).toBeUndefined();
  });
});

describe('our lines', () => {
  const line = arbitraryText.map((text) => text.replace(/[\s\u2028\u2029]+/g, ' ').trim());

  test('are taken out of any description, and nothing else is', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        fc.pre(!lines.some((text) => /^(virtrigaud:|Managed by)/.test(text)));
        const people = lines.join('\n').replace(/^\s*\n|\s+$/g, '');
        expect(withoutMark([...lines, ...(configOf()['description'] ?? '').split('\n')].join('\n'))).toBe(
          people,
        );
      }),
    );
  });
});

const INLINE = { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } };
const RETAINED: VirtualMachineChange = { spec: { ...INLINE, deletionPolicy: 'Retain' } };

async function settle(life: Life): Promise<void> {
  await life.untilReady();
  await life.until(() => (life.status.ipAddresses ?? []).length > 0);
}

function expectRetained(life: Life): void {
  const { pve } = life;
  expect(pve.guests.size).toBe(2);
  const guest = [...pve.guests.values()].find(({ vmid }) => vmid !== 9000);
  expect(guest?.running).toBe(true);
  expect(guest?.config['description']).toBeUndefined();
  expect(guest?.config['ide2']).toContain('none');
  expect([...pve.volumes]).toEqual([]);
}

describe('a VirtualMachine whose policy is Retain', () => {
  test('goes and leaves a running guest that nobody owns, and says which', async () => {
    const life = new Life({ vm: RETAINED });
    await settle(life);
    const { vmid } = life.status;
    await life.delete();
    expectRetained(life);
    expect(life.process.events.at(-1)).toMatchObject({
      type: 'Normal',
      reason: 'Retained',
      message: expect.stringContaining(`VM ${vmid} on node pve-1`),
    });
  });

  test.each(FAULTS)(
    'does so whichever call on the way %s',
    async (fault) => {
      const story = async (faults: Iterable<readonly [number, Fault]>) => {
        const strike = atCalls(faults);
        let start = Infinity;
        const saboteur: Saboteur = new Saboteur((call, what) => strike(call - start, what));
        const life = new Life({ vm: RETAINED, between: saboteur.between, isDead: saboteur.isDead });
        await settle(life);
        start = saboteur.called.length;
        await life.delete();
        life.now += 120_000;
        life.pve.settle();
        expectRetained(life);
        return saboteur.called.slice(start);
      };
      const calls = await story([]);
      expect(calls.length).toBeGreaterThan(5);
      for (const [index, what] of calls.entries())
        if (isDistinct(fault, what))
          await story([[index + 1, fault]]).catch((cause: unknown) => {
            throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause });
          });
    },
    60_000,
  );
});

describe('a VirtualMachine that is deleted by force', () => {
  const force = (life: Life): void => {
    const { metadata } = life.store.live()!;
    life.store.annotate({ ...metadata.annotations, [FORCE_DELETE]: 'true' });
  };

  test('goes without a single request, and what it leaves is named', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await settle(life);
    const { vmid, internal } = life.status;
    life.store.markDeleted();
    force(life);
    const requests = life.pve.requests.length;
    await life.process.pass();
    expect(life.store.live()).toBeUndefined();
    expect(life.pve.requests).toHaveLength(requests);
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
    const note = life.process.events.at(-1);
    expect(note).toMatchObject({ type: 'Warning', reason: 'DeletedByForce' });
    for (const part of [`VM ${vmid}`, 'node pve-1', internal?.cloudInit?.volume])
      expect(note?.message).toContain(part);
  });

  test('goes although its guest is locked and nobody answers', async () => {
    const life = new Life();
    await life.untilReady();
    const guest = life.pve.guestsOf(UID)[0]!;
    guest.config = { ...guest.config, lock: 'backup' };
    life.pve.quorate = false;
    life.store.markDeleted();
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.store.live()).toBeDefined();
    force(life);
    await life.pass();
    expect(life.store.live()).toBeUndefined();
    expect(guest.node).toBe(nodeName('pve-1'));
  });

  test('is deleted in no other way while it is merely annotated', async () => {
    const life = new Life({ vm: { metadata: { annotations: { [FORCE_DELETE]: 'true' } } } });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
  });
});

describe('a deletion that waits for a confirmation', () => {
  const held = (policy: DeletionPolicy, have: Partial<Observed>) =>
    plan(
      { ...leaving(policy), heldDeletion: { reason: 'DeletionsHeld', message: 'Confirm it.', forMs: 1 } },
      observed({ claim: MADE, ...have }),
    );

  test.each(['Delete', 'Stop'] as const)('leaves the guest as it is (%s)', (policy) => {
    expect(held(policy, { presence: seen({ running: true }) })).toMatchObject({
      kind: 'wait',
      reason: 'DeletionsHeld',
      message: 'Confirm it.',
    });
    expect(step(policy, { presence: seen({ running: true }) })?.do).toBe('shutdown');
  });

  test('does not keep an object whose guest stays, or is gone', () => {
    expect(held('Retain', { presence: seen() })).toMatchObject({ kind: 'act' });
    expect(held('Delete', { presence: { kind: 'absent' } })).toMatchObject({ step: { do: 'releaseClaim' } });
  });
});
