/** What a pass observed and did → the status. Pure. */
import { awaitsAdoption } from '../ownership/adoption.ts';
import { isAdopted, isOwn } from '../ownership/identity.ts';
import { driftSentences } from '../config/drift.ts';
import { restoredSentences } from '../revert/words.ts';
import { detachedAfter } from '../disks/detached.ts';
import { hookToKeep } from '../guest-agent/hooks.ts';
import type { Facts } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Plan } from '../model/plan.ts';
import type { Failure } from '../model/tasks.ts';
import type { Desired } from '../model/desired.ts';
import { powerStateOf } from '../../shared/guests/states.ts';
import { placementOf } from '../placement/chosen.ts';
import type { Creation } from '../../shared/placement/model.ts';
import { hardwareOf } from './hardware.ts';
import { internalOf } from './internal.ts';
import { cut, messageOf } from './message.ts';
import { networksOf } from './networks.ts';
import { pendingSentences } from './pending.ts';
import { snapshotsOf } from './snapshots.ts';
import { phaseOf } from './phase.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';

type Status = VirtualMachineStatus;

// Limits of the schema of the status. The API server refuses a status beyond them as a whole.
const MAX_PENDING = 64;
const MAX_DISKS = 62;
const MAX_CDROMS = 16;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

export function reportStatus(vm: VirtualMachine, facts: Facts): Status {
  const before = vm.status ?? {};
  const own = ownGuest(facts);
  const message = messageOf(facts.plan) ?? remarks(facts, own);
  return {
    phase: phaseOf(facts, own, before.phase),
    ...omitUndefined({
      message: message && cut(message),
      task: taskOf(before, facts),
    }),
    ...claimOf(before, facts),
    ...disksOf(before, facts),
    ...cdromsOf(before, facts),
    ...(own ? guestOf(vm, facts, own) : lastSeen(before, facts)),
    ...(facts.dryRun && { plan: [...facts.dryRun] }),
    ...hookOf(facts, own),
    ...failureOf(vm, facts),
    ...internalOf(vm, facts, own),
  };
}

function hookOf({ want, have, started }: Facts, own: Guest | undefined): Pick<Status, 'hook'> {
  const hook = started?.kind === 'hook' ? started.hook : hookToKeep(have.hook, want, own);
  if (!hook) return {};
  const { ended: _ended, since, ...rest } = hook;
  return { hook: { ...rest, since: iso(since) } };
}

/** Differences from the spec although nothing is left to do, so that they are not only in the conditions. */
function remarks({ differences, have }: Facts, own: Guest | undefined): string | undefined {
  const all = [
    ...(own ? restoredSentences(have) : []),
    ...driftSentences(have),
    ...differences,
    ...(own ? pendingSentences(own, have) : []),
  ];
  return all.length > 0 ? all.join(' ') : undefined;
}

/** The guest, if it was seen and carries our mark, or is about to. */
function ownGuest({ want, have }: Facts): Guest | undefined {
  if (have.presence.kind !== 'seen') return undefined;
  const { guest } = have.presence;
  return isOwn(guest, want.owner, have.claim) || awaitsAdoption(want, have.claim, guest) ? guest : undefined;
}

type ClaimFields = Pick<
  Status,
  'vmid' | 'adopted' | 'createdAt' | 'node' | 'name' | 'cloneType' | 'placement'
>;

/** What was reserved or observed once and is kept until the VMID is released. */
function claimOf(before: Status, facts: Facts): ClaimFields {
  const { want, have, plan, started } = facts;
  if (started?.kind === 'claim') return { vmid: started.vmid, ...howMade(want, plan) };
  if (have.claim === undefined || started?.kind === 'claimReleased') return {};
  const { vmid, adopted, node, name, cloneType, placement } = before;
  const createdAt = before.createdAt ?? (isComplete(facts) ? iso(have.now) : undefined);
  const kept = omitUndefined({ vmid, adopted, createdAt, node, name, cloneType, placement });
  return { ...kept, ...recordedBy(facts) };
}

/** What the step of this pass adds to it. */
function recordedBy(facts: Facts): Partial<ClaimFields> {
  if (facts.plan.kind !== 'act') return {};
  const { step } = facts.plan;
  if (step.do === 'adopt') return adoption(facts);
  if (step.do === 'recordPlacement') return chosen(step.creation);
  if (step.do === 'create') return { ...chosen(step.creation), node: step.creation.node };
  if (step.do !== 'clone') return {};
  const { creation } = step;
  return { ...chosen(creation), node: creation.moves ? creation.templateNode : creation.node };
}

/** A guest that got its UUID from the operator was not adopted: only its mark was restored. */
function adoption({ want, have: { presence } }: Facts): Pick<Status, 'adopted'> {
  return presence.kind === 'seen' && isAdopted(presence.guest, want.owner) ? { adopted: true } : {};
}

const chosen = (creation: Extract<Creation, { ok: true }>): Pick<Status, 'cloneType' | 'placement'> => ({
  cloneType: creation.template === undefined ? 'None' : creation.full ? 'Full' : 'Linked',
  placement: placementOf(creation),
});

/** Starting a guest is the last step of its creation. */
function isComplete(facts: Facts): boolean {
  const own = ownGuest(facts);
  return own !== undefined && !facts.have.unconfigured && (own.running || facts.plan.kind === 'steady');
}

/** Kept while the guest cannot be read: devices are reserved here, and a volume is destroyed only if it is recorded here. */
function disksOf(before: Status, { have, plan, started }: Facts): Pick<Status, 'disks'> {
  if (have.claim === undefined || started?.kind === 'claimReleased') return {};
  const destroyed =
    plan.kind === 'act' && plan.step.do === 'destroyDisk' && started?.kind !== 'failed'
      ? plan.step.name
      : undefined;
  const disks = (have.disks?.entries ?? before.disks ?? []).map((disk) =>
    disk.name === destroyed ? { ...disk, destroying: true } : disk,
  );
  return disks.length > 0 ? { disks: disks.slice(0, MAX_DISKS) } : {};
}

/** Kept while the guest cannot be read: a drive is emptied and removed only if it is recorded here. */
function cdromsOf(before: Status, { have, started }: Facts): Pick<Status, 'cdroms'> {
  if (have.claim === undefined || started?.kind === 'claimReleased') return {};
  const cdroms = have.cdroms?.entries ?? before.cdroms ?? [];
  return cdroms.length > 0 ? { cdroms: cdroms.slice(0, MAX_CDROMS) } : {};
}

/** Recorded with the VMID: it distinguishes a guest that we create from one that exists. */
function howMade(want: Desired, plan: Plan): Pick<Status, 'cloneType' | 'placement' | 'adopted'> {
  const { vmid, adopts } = plan.kind === 'act' && plan.step.do === 'reserve' ? plan.step : {};
  if (adopts) return { adopted: true };
  return vmid !== undefined || !want.exists || !want.creation.ok ? {} : chosen(want.creation);
}

/** While the guest cannot be read, the last observation is kept. */
function lastSeen(
  {
    powerState,
    ipAddresses,
    cpus,
    memory,
    consoleURL,
    unusedVolumes,
    networks,
    snapshots,
    snapshotCount,
  }: Status,
  { have }: Facts,
): Partial<Status> {
  const { presence, claim } = have;
  return claim?.made && presence.kind === 'unknown'
    ? omitUndefined({
        powerState,
        ipAddresses,
        cpus,
        memory,
        consoleURL,
        unusedVolumes,
        networks,
        snapshots,
        snapshotCount,
      })
    : {};
}

/** What can only be read from the guest. */
const guestOf = (vm: VirtualMachine, facts: Facts, own: Guest): Partial<Status> => ({
  node: own.node,
  powerState: powerStateOf(own),
  ...hardwareOf(own, detachedAfter(vm, facts.have)),
  ...omitUndefined({
    // If there is a name, the guest was ours before.
    name: isOwn(own, facts.want.owner, facts.have.claim)
      ? (own.config['name'] ?? vm.metadata.name)
      : undefined,
    consoleURL: facts.consoleURL,
  }),
  ...(own.pending.length > 0 && { pendingChanges: pendingOf(own) }),
  ...networksOf(vm.status ?? {}, facts, own),
  ...snapshotsOf(facts, vm.status ?? {}),
});

const pendingOf = ({ pending }: Guest): NonNullable<Status['pendingChanges']> =>
  pending.slice(0, MAX_PENDING).map(({ key, current, pending: next }) => ({
    key,
    ...(current !== undefined && { current: cut(current) }),
    ...(next !== undefined && { pending: cut(next) }),
  }));

/** A configuration that is written at once has no task that would report its success. */
const isResolved = ({ have: { failure }, plan, started }: Facts): boolean =>
  failure?.step === 'Configure' &&
  plan.kind === 'act' &&
  plan.step.do === 'configure' &&
  started?.kind === 'done';

/** A step that was refused counts like one whose task failed. */
function lastFailure({ have: { failure, now }, started }: Facts): Failure | undefined {
  if (started?.kind !== 'failed') return failure;
  const { step, target, message } = started;
  const attempts = (failure?.step === step ? failure.attempts : 0) + 1;
  return { step, target, message, attempts, at: now };
}

function failureOf(vm: VirtualMachine, facts: Facts): Pick<Status, 'failure'> {
  const failure = lastFailure(facts);
  // Where nothing is left to do, whatever failed was done in another way.
  if (!failure || isResolved(facts) || facts.plan.kind === 'steady') return {};
  const { generation } = vm.metadata;
  const { step, target, message, attempts, at } = failure;
  return {
    failure: {
      step,
      ...omitUndefined({ target }),
      message: cut(message),
      attempts,
      at: iso(at),
      generation,
    },
  };
}

export function taskOf(before: Status, { have, started }: Pick<Facts, 'have' | 'started'>): Status['task'] {
  if (started?.kind === 'task') {
    const { upid, type, target } = started;
    return { upid, type, ...omitUndefined({ target }), startedAt: iso(have.now) };
  }
  const { state } = have.task ?? {};
  return state === 'running' || state === 'unreachable' ? before.task : undefined;
}
