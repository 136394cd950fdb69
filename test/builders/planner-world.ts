/** A world as the planner sees it, and what becomes of it: a pure model of one guest in Proxmox VE. */
import { deliveryStatus, type DeliveryStatus } from '../../controllers/virtualmachine/cloud-init/status.ts';
import { appliedAfter } from '../../controllers/virtualmachine/config/drift.ts';
import { isDone } from '../../controllers/virtualmachine/plan/plan.ts';
import type { DiskStep } from '../../controllers/virtualmachine/model/disks.ts';
import type { Guest } from '../../controllers/shared/guests/model.ts';
import type { Claim, Observed } from '../../controllers/virtualmachine/model/observed.ts';
import type { Observation } from '../../controllers/virtualmachine/model/observation.ts';
import type { Plan, Step } from '../../controllers/virtualmachine/model/plan.ts';
import { wouldStayOff } from '../../controllers/virtualmachine/plan/rules/restart.ts';
import { derive } from '../../controllers/virtualmachine/observe/derive.ts';
import { restartOf } from '../../controllers/virtualmachine/restart/with-restart.ts';
import { nicRecordAfter } from '../../controllers/virtualmachine/networks/record.ts';
import { namedNics } from '../../controllers/virtualmachine/networks/named-nics.ts';
import { placementOf } from '../../controllers/virtualmachine/placement/chosen.ts';
import { notRunningOf } from '../../controllers/shared/guests/states.ts';
import { isOwn } from '../../controllers/virtualmachine/ownership/identity.ts';
import { smbiosUuidOf } from '../../controllers/shared/guests/identity.ts';
import { describeGuest, parseMark } from '../../controllers/shared/guests/owner-mark.ts';
import { vmid, type Bytes } from '../../src/lib/units.ts';
import { cloned, configured, grown, moved, pendingAfter, withModules } from './guest-model.ts';
import { NO_HA, UPID } from './guests.ts';
import { onceFor } from './memo.ts';
import { inputsOf } from './planner-facts.ts';
import type { World } from './modelled-world.ts';

export type { World };

export const isOurs = ({ want, claim }: Pick<World, 'want' | 'claim'>, guest: Guest): boolean =>
  isOwn(guest, want.owner, claim && { ...claim, ageMs: 0 });

/** As the operator derives it. */
export const observationOf = onceFor((world: World): Observation => {
  const inputs = inputsOf(world);
  const { promise: _promise, learned: _learned, ...observation } = derive(inputs);
  const { want, have } = observation;
  if (!want.exists) return observation;
  const { restart } = restartOf(inputs.vm, want, have, {
    doubt: inputs.state.restart,
    wouldStayOff: wouldStayOff(have),
    claimSlot: () => (world.othersTurn ? { behind: 'default/other', looksAgain: false } : undefined),
  });
  return { ...observation, have: { ...have, restart } };
});

export const observe = (world: World): Observed => observationOf(world).have;

/** The world after a plan was carried out, its tasks done and some time gone by. */
export function after(plan: Plan, world: World): World {
  return withApplied(afterPlan(plan, world), plan, world);
}

function afterPlan(plan: Plan, world: World): World {
  const later = { ...world, now: world.now + 1_000, task: undefined, failure: undefined };
  if (plan.kind === 'act')
    return notedDisks(
      plan,
      noted(notedRestart(world, afterStep(plan.step, noted(later, plan))), plan),
      world,
    );
  if (plan.kind === 'wait' || plan.kind === 'refuse')
    return afterWaiting(plan.againMs ?? 60_000, noted(world, plan));
  return plan.kind === 'steady' ? noted(later, plan) : world;
}

/** What the report records as applied, whatever the pass did. */
function withApplied(later: World, plan: Plan, world: World): World {
  const have = observe(world);
  return have.parts === undefined
    ? later
    : { ...later, applied: appliedAfter(undefined, { want: world.want, plan, have }) };
}

/** What runs comes to its end meanwhile; what nobody fixes stays. Looking late does no harm and is quicker. */
const afterWaiting = (ms: number, world: World): World => ({
  ...world,
  now: world.now + Math.max(ms, 20_000),
  task: undefined,
  othersTasks: [],
  hook: world.hook?.state === 'Running' ? { ...world.hook, state: 'Succeeded' } : world.hook,
  guest: world.guest && isOurs(world, world.guest) ? byItself(world.guest) : world.guest,
  failure: observe(world).failure,
});

/** HA carries out what it was asked for; what is between two states arrives; a guest that a person halted stays so. */
function byItself(guest: Guest): Guest {
  if (guest.ha.state === 'started' && !guest.running) return started(guest);
  if (guest.ha.state === 'request_stop' && guest.running)
    return { ...guest, running: false, state: 'stopped', ha: { managed: true, state: 'stopped' } };
  return notRunningOf(guest)?.lasts === 'passing' ? { ...guest, state: 'running' } : guest;
}

function afterStep(step: Step, world: World): World {
  switch (step.do) {
    case 'reserve':
      return withNicRecord({
        ...world,
        claim: {
          vmid: step.vmid ?? vmid(world.nextVmid),
          made: false,
          certain: true,
          ...(step.vmid === undefined && chosenIn(world)),
        },
        claimedAt: world.now,
        nextVmid: world.nextVmid + 1,
        cloned: step.vmid === undefined,
        // A namesake's number has a guest on it; a number that PVE gave has none.
        guest: step.vmid === undefined ? undefined : world.guest,
      });
    case 'releaseClaim':
      return {
        ...world,
        claim: undefined,
        devices: [],
        nicRecord: [],
        ownTags: [],
        disks: [],
        cloned: false,
        // An object that released its VMID to be deleted looks for no guest again.
        namesakes: world.want.exists ? world.namesakes : [],
      };
    case 'recordPlacement':
      return {
        ...world,
        claim: world.claim && { ...world.claim, placement: placementOf(step.creation) },
      };
    case 'clone':
      if (world.guest) throw new Error(`VM ${step.vmid} already exists`);
      return withClaimMade({ ...world, cloned: true, guest: newGuest(step, world) });
    case 'create':
      throw new Error('Every VM of these worlds has a template.');
    case 'adopt':
      return withClaimMade({ ...world, guest: adopted(world.guest, step) });
    case 'recordRestart':
    case 'recordRevert':
    case 'restoreMark':
      return world;
    case 'recordHook':
      return { ...world, hook: { name: step.hook, state: 'Due', since: world.now, generation: 1 } };
    case 'runHook':
      return {
        ...world,
        hook: { name: step.hook, state: 'Running', since: world.now, pid: 7, generation: 1 },
      };
    case 'recordTags':
      return { ...world, ownTags: step.tags };
    case 'clearApplied':
    case 'recordDisks':
    case 'recordCdroms':
      return withClaimMade(world);
    case 'recordNetworks':
      return withNicRecord(world);
    case 'recordSeed':
      return { ...world, noted: step.volume, delivery: withoutServed(world.delivery) };
    case 'uploadSeed':
      return { ...world, volumes: new Set([...world.volumes, step.seed.volume]) };
    case 'deleteSeed':
      return {
        ...world,
        noted: undefined,
        delivery: withoutServed(world.delivery),
        volumes: without(world.volumes, step.volume),
      };
    case 'destroy':
      if (world.guest?.running) throw new Error('the VM is running - destroy failed');
      return {
        ...withClaimMade(world),
        guest: undefined,
        task: { upid: UPID, type: 'Destroy', state: 'ok' },
      };
    case 'migrate':
      return world.moveFails && step.move.asked
        ? { ...world, task: { upid: UPID, type: 'Migrate', state: 'failed', exit: 'migration aborted' } }
        : withClaimMade({ ...world, guest: guestAfter(step, world.guest) });
    case 'attachDisk':
    case 'growDisk':
    case 'moveDisk':
    case 'detachDisk':
    case 'destroyDisk':
    case 'reattachDrive':
    case 'configure':
    case 'revertPending':
    case 'start':
    case 'stop':
    case 'shutdown':
      return withClaimMade({ ...world, guest: guestAfter(step, world.guest) });
    default:
      return step satisfies never;
  }
}

const withNicRecord = (world: World): World => ({
  ...world,
  nicRecord: nicRecordAfter(inputsOf(world).vm, world.want, { guest: world.guest, extend: true }),
});

function adopted(guest: Guest | undefined, { description, digest }: Extract<Step, { do: 'adopt' }>): Guest {
  if (guest?.digest !== digest) throw new Error('detected modified configuration');
  const config = { ...guest.config, description };
  return { ...guest, config, mark: parseMark(description), digest: `${digest}+` };
}

function chosenIn(world: World): Pick<Claim, 'placement'> {
  const { want } = observationOf(world);
  return want.exists && want.creation.ok ? { placement: placementOf(want.creation) } : {};
}

type GuestStep =
  | Extract<
      Step,
      { do: 'migrate' | 'reattachDrive' | 'configure' | 'revertPending' | 'start' | 'stop' | 'shutdown' }
    >
  | DiskStep;

function guestAfter(step: GuestStep, guest: Guest | undefined): Guest {
  if (!guest) throw new Error(`There is no guest to ${step.do}.`);
  if ('digest' in step && step.digest !== guest.digest) throw new Error('detected modified configuration');
  switch (step.do) {
    case 'migrate':
      if (guest.running && !step.move.online) throw new Error("can't migrate running VM without --online");
      return { ...guest, node: step.move.to };
    case 'configure': {
      const written = configured(guest.vmid, guest.config, step.change.set, step.change.delete);
      const config = withModules(guest, written);
      const pending = guest.running ? pendingAfter(guest, config) : [];
      return { ...guest, config, pending, digest: `${guest.digest}+` };
    }
    case 'revertPending':
      return { ...reverted(guest, step.keys), digest: `${guest.digest}+` };
    case 'growDisk':
      return { ...grownLive(guest, step.disk, step.to), digest: `${guest.digest}+` };
    case 'moveDisk':
      return { ...guest, config: moved(guest.config, step.disk, step.storage), digest: `${guest.digest}+` };
    case 'attachDisk': {
      const config = configured(guest.vmid, guest.config, { [step.device]: step.text }, []);
      return { ...guest, config, digest: `${guest.digest}+` };
    }
    case 'reattachDrive': {
      const config = { ...guest.config, [step.device]: `${step.volume},media=cdrom` };
      return { ...guest, config, digest: `${guest.digest}+` };
    }
    case 'detachDisk':
    case 'destroyDisk': {
      const key = step.do === 'detachDisk' ? step.device : step.unused;
      const config = configured(guest.vmid, guest.config, {}, [key]);
      return { ...guest, config, digest: `${guest.digest}+` };
    }
    case 'start':
      return { ...started(guest), ha: asked(guest, 'started') };
    case 'stop':
    case 'shutdown':
      return { ...guest, running: false, pending: [], state: 'stopped', ha: asked(guest, 'stopped') };
    default:
      return step satisfies never;
  }
}

/** PVE writes the new size into what runs; a value that waits for the next start keeps the size that it was written with. */
function grownLive(guest: Guest, disk: string, to: Bytes): Guest {
  const live = guest.pending.find(({ key }) => key === disk)?.current;
  if (live === undefined) return { ...guest, config: grown(guest.config, disk, to) };
  const current = grown({ [disk]: live }, disk, to)[disk] ?? live;
  const pending = guest.pending.map((row) => (row.key === disk ? { ...row, current } : row));
  return { ...guest, pending };
}

/** The guest keeps what it runs with. */
function reverted(guest: Guest, keys: readonly string[]): Guest {
  const back = guest.pending.filter(({ key }) => keys.includes(key));
  const config = Object.fromEntries([
    ...Object.entries(guest.config).filter(([key]) => !keys.includes(key)),
    ...back.flatMap(({ key, current }) => (current === undefined ? [] : [[key, current] as const])),
  ]);
  return { ...guest, config, pending: guest.pending.filter(({ key }) => !keys.includes(key)) };
}

/** What waited for a start is in force with it. */
const started = (guest: Guest): Guest => ({
  ...guest,
  running: true,
  uptimeMs: 0,
  pending: [],
  state: 'running',
});

/** HA does at once what it is asked for. */
const asked = ({ ha }: Guest, state: string): Guest['ha'] => (ha.managed ? { ...ha, state } : ha);

function newGuest(step: Extract<Step, { do: 'clone' }>, { template }: World): Guest {
  const description = describeGuest(step.owner);
  return {
    vmid: step.vmid,
    node: step.creation.moves ? step.creation.templateNode : step.creation.node,
    mark: parseMark(description),
    lock: undefined,
    template: false,
    running: false,
    state: 'stopped',
    ha: NO_HA,
    config: cloned(template, { vmid: step.vmid, name: step.name, description }),
    digest: 'made',
    pending: [],
  };
}

const withClaimMade = (world: World): World => ({
  ...world,
  claim: world.claim && { ...world.claim, ...seenUuid(world), made: true, certain: true },
});

/** Status records the UUID of a guest that is ours. */
function seenUuid(world: World): Pick<Claim, 'uuid'> {
  const uuid = world.guest && isOurs(world, world.guest) ? smbiosUuidOf(world.guest.config) : undefined;
  return uuid === undefined ? {} : { uuid };
}

function notedRestart(before: World, world: World): World {
  const { restart } = observe(before);
  return restart ? { ...world, note: restart.note, restartedAt: restart.restartedAt } : world;
}

/** Status records the devices of a guest's networks, and what it was given, in every pass that sees it. */
function noted(world: World, plan: Plan): World {
  const { guest, want, now } = world;
  if (!guest || !isOurs(world, guest) || !world.claim || !want.exists) return world;
  const { vm } = inputsOf(world);
  const { cloudInit } = observationOf(world);
  const answered = isDone(plan) && guest.running && world.answers;
  return {
    ...world,
    claim: { ...world.claim, ...seenUuid(world) },
    arrived: guest.node === want.host || world.arrived === want.host ? want.host : undefined,
    delivery: deliveryStatus(vm, { guest, plan: cloudInit, answered, now }),
    devices: namedNics(vm, want, guest).map(({ device, mac = '', name, settings }) => ({
      device,
      mac,
      ...(name !== undefined && { name }),
      ...(settings.length > 0 && { settings: [...settings] }),
    })),
  };
}

/** Status records the disks as the pass saw them before its step; while nobody can look, what it says stands. */
function notedDisks(plan: Plan, world: World, seenIn: World): World {
  const released = plan.kind === 'act' && plan.step.do === 'releaseClaim';
  const entries = observe(seenIn).disks?.entries;
  return released || !entries ? world : { ...world, disks: entries };
}

const without = <T>(set: ReadonlySet<T>, gone: T): ReadonlySet<T> =>
  new Set([...set].filter((each) => each !== gone));

const withoutServed = ({ consumed: _consumed, ...rest }: DeliveryStatus): DeliveryStatus => rest;
