/** A world as the planner sees it, and what becomes of it: a pure model of one guest in Proxmox VE. */
import { awaitsAdoption } from '../../controllers/virtualmachine/plan/adoption.ts';
import { bestEffortWritesOf } from '../../controllers/virtualmachine/config/best-effort.ts';
import { configChange, type ChangeContext } from '../../controllers/virtualmachine/config/change.ts';
import { isNew } from '../../controllers/virtualmachine/config/is-new.ts';
import { cloudInitChange } from '../../controllers/virtualmachine/cloud-init/afterwards.ts';
import { planCloudInit, type CloudInitPlan } from '../../controllers/virtualmachine/cloud-init/plan.ts';
import { deliveryStatus, type DeliveryStatus } from '../../controllers/virtualmachine/cloud-init/status.ts';
import { judgeDrift, specDigest } from '../../controllers/virtualmachine/config/drift.ts';
import { diskWork } from '../../controllers/virtualmachine/disks/work.ts';
import { isDone } from '../../controllers/virtualmachine/plan/plan.ts';
import { TASKS } from '../../controllers/virtualmachine/plan/step-info.ts';
import { failureAfter } from '../../controllers/shared/tasks/failure.ts';
import type { DiskStep, DiskWork, RecordedDisk } from '../../controllers/virtualmachine/model/disks.ts';
import type { ConfigChange } from '../../controllers/virtualmachine/model/config.ts';
import type { MarkedGuest } from '../../controllers/shared/guests/marks.ts';
import type { Guest, GuestConfig, Presence } from '../../controllers/shared/guests/model.ts';
import type { Claim, Hook, Observed } from '../../controllers/virtualmachine/model/observed.ts';
import type { Failure, Task } from '../../controllers/virtualmachine/model/tasks.ts';
import type { Plan, Step } from '../../controllers/virtualmachine/model/plan.ts';
import type { Desired } from '../../controllers/virtualmachine/model/desired.ts';
import type { Move } from '../../controllers/virtualmachine/model/placement.ts';
import type { Restart, RestartNote } from '../../controllers/virtualmachine/model/restart.ts';
import { awaitedKeys } from '../../controllers/virtualmachine/restart/awaited.ts';
import { judgeRestart } from '../../controllers/virtualmachine/restart/judge.ts';
import { namedNics } from '../../controllers/virtualmachine/networks/named-nics.ts';
import { moveBeforeStart, placementOf } from '../../controllers/virtualmachine/placement/chosen.ts';
import {
  isMovedByHa,
  guestObstacles,
  hostPlacement,
} from '../../controllers/virtualmachine/placement/relocation.ts';
import { notRunningOf } from '../../controllers/shared/guests/states.ts';
import { describeGuest, parseMark, isSameOwner } from '../../controllers/shared/guests/owner-mark.ts';
import type { StorageView } from '../../src/pve/index.ts';
import { vmid, type Bytes, type NodeName } from '../../src/lib/units.ts';
import type { VirtualMachine } from '../../src/api/index.ts';
import { cloned, configured, grown, moved, pendingAfter } from './guest-model.ts';
import { aDigest, NO_HA, UPID } from './guests.ts';
import { aVirtualMachine } from './objects.ts';

export interface World {
  readonly now: number;
  readonly want: Desired;
  readonly template: GuestConfig;
  readonly claim: Omit<Claim, 'ageMs'> | undefined;
  /** Epoch ms. */
  readonly claimedAt: number;
  /** The guest on the claimed number. */
  readonly guest: Guest | undefined;
  /** Nobody can tell whether the guest is there. */
  readonly blind: boolean;
  readonly task: Task | undefined;
  readonly failure: Failure | undefined;
  readonly othersTasks: readonly string[];
  readonly namesake: MarkedGuest | undefined;
  readonly noted: string | undefined;
  /** What status says of the data that the guest was given. */
  readonly handed: DeliveryStatus;
  /** The guest agent answers, once the guest runs. */
  readonly answers: boolean;
  readonly volumes: ReadonlySet<string>;
  readonly storages: readonly StorageView[];
  /** Status says that we cloned it, rather than adopted it. */
  readonly cloned: boolean;
  /** For how long a lock was held without a task. */
  readonly lockedMs: number;
  /** Which device each network was given, as status would carry it. */
  readonly devices: NonNullable<NonNullable<VirtualMachine['status']>['networks']>;
  /** The wish that was last brought about: the one there is, or another. */
  readonly applied: 'this' | 'other' | undefined;
  /** As status has them. */
  readonly note: RestartNote | undefined;
  readonly restartedAt: string | undefined;
  /** Another VM of the class has the turn to be restarted. */
  readonly othersTurn: boolean;
  readonly hook: Hook | undefined;
  /** Every move that the spec asks for fails. */
  readonly moveFails?: boolean;
  /** Node of the spec that the guest was on once, as status has it. */
  readonly arrived: NodeName | undefined;
  /** Tags that status says are ours. */
  readonly ownTags: readonly string[];
  /** The disks that status knows. */
  readonly disks: readonly RecordedDisk[];
  readonly nextVmid: number;
  readonly maxCpus: number;
}

const NODE_CPUS = 1024;

export const isOurs = ({ want }: Pick<World, 'want'>, guest: Guest): boolean =>
  isSameOwner(guest.mark, want.owner);

export const vmOf = ({
  want,
  noted,
  devices,
  cloned,
  handed,
  claim,
  disks,
  arrived,
}: World): VirtualMachine =>
  aVirtualMachine({
    metadata: { uid: want.owner.uid },
    status: {
      networks: devices,
      ...(claim?.placement && { placement: claim.placement }),
      disks,
      ...(cloned && { cloneType: 'Linked' as const }),
      internal: {
        ...(arrived !== undefined && { host: arrived }),
        cloudInit: { mode: 'Image', ...handed, ...(noted !== undefined && { volume: noted }) },
      },
    },
  });

export function observe(world: World): Observed {
  const seen = look(world);
  return { ...seen, restart: restartOf(world, seen) };
}

function restartOf(
  world: World,
  { presence, claim, task, drift, awaited = [], now }: Observed,
): Restart | undefined {
  const { want, note, restartedAt, othersTurn } = world;
  if (!want.exists) return undefined;
  return judgeRestart({
    want,
    guest: presence.kind === 'seen' && isOurs(world, presence.guest) ? presence.guest : undefined,
    made: claim?.made === true,
    task,
    drift,
    awaited,
    now,
    observed: true,
    before: { note, restartedAt },
    inDoubt: false,
    claimSlot: () => (othersTurn ? { behind: 'default/other', looksAgain: false } : undefined),
  });
}

function look(world: World): Observed {
  const { now, guest, claim, want, task } = world;
  const { own, marked } = ownIn(world);
  const hidden = isHidden(task);
  return {
    now,
    task,
    failure: failureOf(world),
    activeTasks: world.othersTasks,
    lockedMs: world.lockedMs,
    hasBooted: guest?.running === true,
    namesake: claim || !want.exists ? undefined : world.namesake,
    seedVolume: world.noted,
    hook: world.hook,
    generation: 1,
    ownTags: world.ownTags,
    bestEffortWrites: [],
    notApplied: [],
    claim: claim && { ...claim, ageMs: now - world.claimedAt, made: claim.made || marked },
    candidate: candidateOf(world),
    presence: hidden ? { kind: 'absent' } : presenceOf(world),
    ...(hidden || !own ? { change: undefined, disks: undefined } : dueOf(world, own)),
  };
}

function ownIn(world: World): { readonly own: Guest | undefined; readonly marked: boolean } {
  const { claim, guest, want } = world;
  const marked = claim !== undefined && guest !== undefined && isOurs(world, guest);
  return { marked, own: guest && (marked || awaitsAdoption(want, full(world), guest)) ? guest : undefined };
}

const full = ({ claim, now, claimedAt }: World): Claim | undefined =>
  claim && { ...claim, ageMs: now - claimedAt };

const candidateOf = (world: World): Presence | undefined =>
  world.want.exists && world.want.adopt !== undefined && !world.claim ? presenceAt(world) : undefined;

/** What has to become of a guest of ours. */
function dueOf(world: World, own: Guest): Pick<Observed, 'change' | 'drift' | 'digests' | 'move' | 'disks'> {
  const host = world.want.exists ? world.want.host : undefined;
  const move =
    (world.want.exists ? moveBeforeStart(vmOf(world), own, host) : undefined) ?? moveAskedFor(world, own);
  return { ...judgedChange(world, own), disks: disksOf(world, own), ...(move && { move }) };
}

/** Nothing but the guest itself stands in the way of a move. */
function moveAskedFor(world: World, own: Guest): Move | undefined {
  const { want, arrived } = world;
  if (!want.exists || want.host === undefined || isNew(vmOf(world), own)) return undefined;
  const { host, power, driftPolicy = 'Report' } = want;
  if (hostPlacement({ host, power, driftPolicy, arrived }, own) !== 'elsewhere') return undefined;
  if (own.lock !== undefined || isMovedByHa(own) || guestObstacles(own).length > 0) return undefined;
  return { to: host, asked: true, ...(own.running && { online: true }) };
}

/** While our task runs, or after it destroyed the guest, nobody looks. */
const isHidden = (task: Task | undefined): boolean =>
  task?.state === 'running' ||
  task?.state === 'unreachable' ||
  (task?.type === 'Destroy' && task.state === 'ok');

const GENERATION = 1;

const failureOf = ({ failure, task, now }: World): Failure | undefined =>
  failureAfter(
    failure && { ...failure, at: new Date(failure.at).toISOString(), generation: GENERATION },
    task,
    { table: TASKS, generation: GENERATION, now },
  );

const presenceOf = (world: World): Presence =>
  world.claim === undefined ? { kind: 'notMade' } : presenceAt(world);

function presenceAt({ guest, blind }: World): Presence {
  if (blind) return { kind: 'unknown', message: 'The cluster has no quorum.' };
  return guest ? { kind: 'seen', guest } : { kind: 'absent' };
}

/** With the drift in it left alone or undone, as the wish has it. */
function judgedChange(
  world: World,
  guest: Guest,
): Pick<Observed, 'change'> &
  Partial<Pick<Observed, 'drift' | 'digests' | 'awaited' | 'bestEffortWrites' | 'notApplied'>> {
  const { want, maxCpus, applied, ownTags, now } = world;
  if (!want.exists) return { change: undefined };
  const digest = specDigest(want, guest, { maxCpus, nodeCpus: NODE_CPUS });
  const made = isNew(vmOf(world), guest) ? undefined : applied === 'this' ? digest : applied;
  const judged = judgeDrift(changeOf(world, guest), guest, {
    digest,
    applied: made,
    policy: want.driftPolicy,
  });
  const afterwards = cloudInitChange(vmOf(world), guest, {
    plan: cloudInitOf(world, guest),
    now: world.now,
  });
  const bestEffortWrites = bestEffortWritesOf(want, guest, {
    ownTags,
    processState: {},
    applied: made === digest,
    now,
  });
  const awaited = awaitedKeys(vmOf(world), want, guest, contextOf(world, guest));
  return { ...judged, ...bestEffortWrites, awaited, change: judged.change ?? afterwards };
}

export function changeOf(world: World, guest: Guest): ConfigChange | undefined {
  const { want } = world;
  return want.exists ? configChange(vmOf(world), want, guest, contextOf(world, guest)) : undefined;
}

const contextOf = (world: World, guest: Guest): ChangeContext => ({
  cloudInit: cloudInitOf(world, guest),
  maxCpus: world.maxCpus,
  nodeCpus: NODE_CPUS,
});

function cloudInitOf(world: World, guest: Guest): CloudInitPlan | undefined {
  const { want, storages, volumes } = world;
  if (!want.exists) return undefined;
  const vm = vmOf(world);
  const known = want.cloudInit && { ...want, cloudInit: want.cloudInit };
  const planned =
    known && planCloudInit(vm, known, guest, { isoStorage: undefined, storages, digest: aDigest });
  return planned?.seed?.noted
    ? { ...planned, seed: { ...planned.seed, uploaded: volumes.has(planned.seed.volume) } }
    : planned;
}

const disksOf = ({ want, disks, storages, applied }: World, guest: Guest): DiskWork | undefined =>
  want.exists
    ? diskWork(want, guest, {
        recorded: disks,
        storages,
        isApplied: applied === 'this' && want.driftPolicy !== 'Revert',
      })
    : undefined;

/** The world after a plan was carried out, its tasks done and some time gone by. */
export function after(plan: Plan, world: World): World {
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

/** What runs comes to its end meanwhile; what nobody mends stays. Looking late does no harm and is quicker. */
const afterWaiting = (ms: number, world: World): World => ({
  ...world,
  now: world.now + Math.max(ms, 20_000),
  task: undefined,
  othersTasks: [],
  hook: world.hook?.state === 'Running' ? { ...world.hook, state: 'Succeeded' } : world.hook,
  guest: world.guest && isOurs(world, world.guest) ? byItself(world.guest) : world.guest,
  failure: failureOf(world),
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
      return {
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
      };
    case 'releaseClaim':
      return { ...world, claim: undefined, devices: [], ownTags: [], disks: [], cloned: false };
    case 'recordPlacement':
      return {
        ...world,
        claim: world.claim && { ...world.claim, placement: placementOf(step.creation) },
      };
    case 'clone':
      if (world.guest) throw new Error(`VM ${step.vmid} already exists`);
      return withClaimMade({ ...world, cloned: true, guest: newGuest(step, world) });
    case 'adopt':
      return withClaimMade({ ...world, guest: adopted(world.guest, step) });
    case 'recordRestart':
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
      return { ...world, applied: undefined };
    case 'recordDisks':
      return withClaimMade(world);
    case 'recordSeed':
      return { ...world, noted: step.volume, handed: withoutServed(world.handed) };
    case 'uploadSeed':
      return { ...world, volumes: new Set([...world.volumes, step.seed.volume]) };
    case 'deleteSeed':
      return {
        ...world,
        noted: undefined,
        handed: withoutServed(world.handed),
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
    case 'configure':
    case 'start':
    case 'stop':
    case 'shutdown':
      return withClaimMade({ ...world, guest: guestAfter(step, world.guest) });
    default:
      return step satisfies never;
  }
}

function adopted(guest: Guest | undefined, { description, digest }: Extract<Step, { do: 'adopt' }>): Guest {
  if (guest?.digest !== digest) throw new Error('detected modified configuration');
  const config = { ...guest.config, description };
  return { ...guest, config, mark: parseMark(description), digest: `${digest}+` };
}

const chosenIn = ({ want }: World): Pick<Claim, 'placement'> =>
  want.exists && want.creation.ok ? { placement: placementOf(want.creation) } : {};

type GuestStep = Extract<Step, { do: 'migrate' | 'configure' | 'start' | 'stop' | 'shutdown' }> | DiskStep;

function guestAfter(step: GuestStep, guest: Guest | undefined): Guest {
  if (!guest) throw new Error(`There is no guest to ${step.do}.`);
  if ('digest' in step && step.digest !== guest.digest) throw new Error('detected modified configuration');
  switch (step.do) {
    case 'migrate':
      if (guest.running && !step.move.online) throw new Error("can't migrate running VM without --online");
      return { ...guest, node: step.move.to };
    case 'configure': {
      const config = configured(guest.vmid, guest.config, step.change.set, step.change.delete);
      const pending = guest.running ? pendingAfter(guest, config) : [];
      return { ...guest, config, pending, digest: `${guest.digest}+` };
    }
    case 'growDisk':
      return { ...grownLive(guest, step.disk, step.to), digest: `${guest.digest}+` };
    case 'moveDisk':
      return { ...guest, config: moved(guest.config, step.disk, step.storage), digest: `${guest.digest}+` };
    case 'attachDisk': {
      const config = configured(guest.vmid, guest.config, { [step.device]: step.text }, []);
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
  claim: world.claim && { ...world.claim, made: true, certain: true },
});

function notedRestart(before: World, world: World): World {
  const { restart } = observe(before);
  return restart ? { ...world, note: restart.note, restartedAt: restart.restartedAt } : world;
}

/** Status records the devices of a guest's networks, and what it was given, in every pass that sees it. */
function noted(world: World, plan: Plan): World {
  const { guest, want, now } = world;
  if (!guest || !isOurs(world, guest) || !world.claim || !want.exists) return world;
  const vm = vmOf(world);
  const answered = isDone(plan) && guest.running && world.answers;
  return {
    ...world,
    arrived: guest.node === want.host || world.arrived === want.host ? want.host : undefined,
    handed: deliveryStatus(vm, { guest, plan: cloudInitOf(world, guest), answered, now }),
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
