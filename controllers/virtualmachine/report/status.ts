/** What a pass found and did → the status. Pure. */
import { awaitsAdoption } from '../plan/adoption.ts';
import { reportCloudInit } from '../cloud-init/status.ts';
import { appliedAfter, driftSentences } from '../config/drift.ts';
import { smbiosUuidOf } from '../config/hardware.ts';
import { ownTagsIn } from '../config/options.ts';
import { keptHook } from '../guest-agent/hooks.ts';
import type { Facts } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';
import { powerStateOf } from '../../shared/guests/states.ts';
import { placementOf } from '../placement/chosen.ts';
import type { Creation } from '../model/placement.ts';
import { messageOf } from './message.ts';
import { networksOf } from './networks.ts';
import { phaseOf } from './phase.ts';
import type { Restart } from '../model/restart.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';

type Status = VirtualMachineStatus;

// What the schema of the status allows: the API server refuses a longer one, and then nothing is written down at all.
const MAX_TEXT = 1024;
const MAX_PENDING = 64;
const MAX_DISKS = 62;

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_TEXT ? text : `${characters.slice(0, MAX_TEXT - 1).join('')}…`;
}

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
      cloudInit: reportCloudInit(vm, facts, own),
    }),
    ...claimOf(before, facts),
    ...disksOf(before, facts),
    ...(own ? guestOf(vm, facts, own) : lastSeen(before, facts)),
    ...restartOf(before, facts.dryRun ? undefined : facts.have.restart),
    ...(facts.dryRun && { plan: [...facts.dryRun] }),
    ...omitUndefined({ appliedDigest: facts.have.claim && appliedAfter(before.appliedDigest, facts) }),
    ...tagsOf(facts, own),
    ...hostOf(before, facts, own),
    ...hookOf(facts, own),
    ...failureOf(vm, facts),
  };
}

function hookOf({ want, have, started }: Facts, own: Guest | undefined): Pick<Status, 'hook'> {
  const hook = started?.kind === 'hook' ? started.hook : keptHook(have.hook, want, own);
  if (!hook) return {};
  const { ended: _ended, since, ...rest } = hook;
  return { hook: { ...rest, since: iso(since) } };
}

function tagsOf({ want, have, started }: Facts, own: Guest | undefined): Pick<Status, 'tags'> {
  const { ownTags, claim } = have;
  if (claim === undefined || started?.kind === 'claimReleased') return {};
  const noted = started?.kind === 'tagsRecorded' ? started.tags : ownTags;
  const tags = own && want.exists ? ownTagsIn(noted, want.options?.tags ?? [], own.config) : [...noted];
  return tags.length > 0 ? { tags } : {};
}

/** While the guest cannot be looked at, what was found out stands as long as the wish does. */
function hostOf(
  before: Status,
  { want, have: { claim } }: Facts,
  own: Guest | undefined,
): Pick<Status, 'host'> {
  if (!want.exists || want.host === undefined || claim === undefined) return {};
  return own?.node === want.host || before.host === want.host ? { host: want.host } : {};
}

/** At rest: what differs from the spec all the same, so that it is not only found in the conditions. */
function remarks({ differences, have }: Facts, own: Guest | undefined): string | undefined {
  const pending = own?.pending.map(({ key }) => key) ?? [];
  const held = pending.length > 0 ? [`In effect after a stop and start: ${pending.join(', ')}.`] : [];
  const all = [...driftSentences(have), ...differences, ...held];
  return all.length > 0 ? all.join(' ') : undefined;
}

/** The guest, if it is there and carries our mark, or is about to. */
function ownGuest({ want, have }: Facts): Guest | undefined {
  if (have.presence.kind !== 'seen') return undefined;
  const { guest } = have.presence;
  return isMarked(guest, want) || awaitsAdoption(want, have.claim, guest) ? guest : undefined;
}

const isMarked = ({ mark }: Guest, { owner }: Desired): boolean => mark?.uid === owner.uid;

type ClaimFields = Pick<
  Status,
  'vmid' | 'claimedAt' | 'adopted' | 'createdAt' | 'uuid' | 'node' | 'name' | 'cloneType' | 'placement'
>;

/** What was promised or found out once and holds until the number is given back. */
function claimOf(before: Status, facts: Facts): ClaimFields {
  const { want, have, plan, started } = facts;
  if (started?.kind === 'claim')
    return { vmid: started.vmid, claimedAt: iso(have.now), ...howMade(want, plan) };
  if (have.claim === undefined || started?.kind === 'claimReleased') return {};
  const { vmid, claimedAt, adopted, uuid, node, name, cloneType, placement } = before;
  const createdAt = before.createdAt ?? (isComplete(facts) ? iso(have.now) : undefined);
  const kept = omitUndefined({ vmid, claimedAt, adopted, createdAt, uuid, node, name, cloneType, placement });
  if (plan.kind !== 'act') return kept;
  if (plan.step.do === 'recordPlacement') return { ...kept, ...chosen(plan.step.creation) };
  if (plan.step.do !== 'clone') return kept;
  const { creation } = plan.step;
  return { ...kept, ...chosen(creation), node: creation.moves ? creation.templateNode : creation.node };
}

const chosen = (creation: Extract<Creation, { ok: true }>): Pick<Status, 'cloneType' | 'placement'> => ({
  cloneType: creation.full ? 'Full' : 'Linked',
  placement: placementOf(creation),
});

/** Starting a guest is the last step of making it. */
function isComplete(facts: Facts): boolean {
  const own = ownGuest(facts);
  return own !== undefined && (own.running || facts.plan.kind === 'steady');
}

/** Slots are promises, and volumes may be destroyed by what stands here: kept while a guest cannot be looked at. */
function disksOf(before: Status, { have, started }: Facts): Pick<Status, 'disks'> {
  if (have.claim === undefined || started?.kind === 'claimReleased') return {};
  const disks = have.disks?.entries ?? before.disks ?? [];
  return disks.length > 0 ? { disks: disks.slice(0, MAX_DISKS) } : {};
}

/** Written down with the number: it tells a guest that we make from one that there is. */
function howMade(want: Desired, plan: Plan): Pick<Status, 'cloneType' | 'placement' | 'adopted'> {
  const { vmid, adopts } = plan.kind === 'act' && plan.step.do === 'reserve' ? plan.step : {};
  if (adopts) return { adopted: true };
  return vmid !== undefined || !want.exists || !want.creation.ok ? {} : chosen(want.creation);
}

/** While a guest cannot be looked at, what was seen last stands. */
function lastSeen(
  { powerState, networks, ipAddresses, consoleURL }: Status,
  { have }: Facts,
): Partial<Status> {
  const { presence, claim } = have;
  return claim?.made && presence.kind === 'unknown'
    ? omitUndefined({ powerState, networks, ipAddresses, consoleURL })
    : {};
}

/** What only a look at the guest can tell. */
const guestOf = (vm: VirtualMachine, facts: Facts, own: Guest): Partial<Status> => ({
  node: own.node,
  powerState: powerStateOf(own),
  ...omitUndefined({
    uuid: smbiosUuidOf(own.config),
    // Where there is a name, the guest was ours once.
    name: isMarked(own, facts.want) ? (own.config['name'] ?? vm.metadata.name) : undefined,
    consoleURL: facts.consoleURL,
  }),
  ...(own.pending.length > 0 && { pendingChanges: pendingOf(own) }),
  ...networksOf(vm.status ?? {}, facts, own),
});

const pendingOf = ({ pending }: Guest): NonNullable<Status['pendingChanges']> =>
  pending.slice(0, MAX_PENDING).map(({ key, current, pending: next }) => ({
    key,
    ...(current !== undefined && { current: cut(current) }),
    ...(next !== undefined && { pending: cut(next) }),
  }));

/** A configuration that is written at once has no task that would tell that it succeeded. */
const isMended = ({ have: { failure }, plan, started }: Facts): boolean =>
  failure?.step === 'Configure' &&
  plan.kind === 'act' &&
  plan.step.do === 'configure' &&
  started?.kind === 'done';

function failureOf(vm: VirtualMachine, facts: Facts): Pick<Status, 'failure'> {
  const { failure } = facts.have;
  if (!failure || isMended(facts)) return {};
  const { generation } = vm.metadata;
  return { failure: { ...failure, message: cut(failure.message), at: iso(failure.at), generation } };
}

function taskOf(before: Status, { have, started }: Facts): Status['task'] {
  if (started?.kind === 'task') return { upid: started.upid, type: started.type, startedAt: iso(have.now) };
  const { state } = have.task ?? {};
  return state === 'running' || state === 'unreachable' ? before.task : undefined;
}

function restartOf(before: Status, judged: Restart | undefined): Pick<Status, 'restart' | 'restartedAt'> {
  if (judged === undefined)
    return omitUndefined({ restart: before.restart, restartedAt: before.restartedAt });
  const { note, restartedAt } = judged;
  return {
    ...omitUndefined({ restartedAt }),
    ...(note && {
      restart: { cause: note.cause, of: note.of, at: iso(note.at), ...(note.stopped && { stopped: true }) },
    }),
  };
}
