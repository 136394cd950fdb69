/** What a pass found and did → the status. Pure. */
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/index.ts';
import { present } from '../../src/lib/present.ts';
import type { NodeName, Upid, Vmid } from '../../src/lib/units.ts';
import { placementOf } from './placement/chosen.ts';
import { awaitsAdoption } from './adoption.ts';
import type { NicAddresses } from './networks/addresses.ts';
import type { CloudInitPlan } from './cloud-init/plan.ts';
import { reportCloudInit } from './cloud-init/status.ts';
import { appliedAfter, driftSentences } from './config/drift.ts';
import { isDiskStep } from './disks/steps.ts';
import { smbiosUuidOf } from './config/hardware.ts';
import { keptHook } from './guest-agent/hooks.ts';
import { withheldMessage } from './management.ts';
import type { Aside } from './config/model.ts';
import type { Guest, Nic } from './model/guest.ts';
import type { Hook, Observed } from './model/observed.ts';
import type { Plan } from './model/plan.ts';
import type { Desired } from './model/wish.ts';
import type { Creation } from './placement/model.ts';
import type { Restart } from './restart/model.ts';
import { ownTagsIn } from './config/options.ts';
import { isUp, powerStateOf } from './observation/states.ts';

/** What a step began or changed, to be written down. */
export type Started =
  | {
      readonly kind: 'task';
      readonly upid: Upid;
      readonly type: string;
      /** Its end starts a pass by itself. */
      readonly followed?: boolean;
    }
  | { readonly kind: 'claim'; readonly vmid: Vmid }
  | { readonly kind: 'claimReleased' }
  | { readonly kind: 'seedNoted'; readonly volume: string; readonly node: NodeName | undefined }
  | { readonly kind: 'seedDeleted' }
  | { readonly kind: 'hook'; readonly hook: Hook }
  | { readonly kind: 'tagsNoted'; readonly tags: readonly string[] }
  /** PVE may allow everything else. */
  | { readonly kind: 'refused'; readonly aside: Aside; readonly said: string }
  | { readonly kind: 'done' };

/** Whether the guest agent answers, as far as it was asked. */
export type Agent = 'running' | 'silent' | 'notConfigured' | 'notAsked';

/** A NIC of the guest, with what the spec says of it. */
export interface NamedNic extends Nic {
  readonly name: string | undefined;
  /** Optional settings that the spec gives, or gave and that are still there. */
  readonly settings: readonly string[];
}

export interface Facts {
  readonly want: Desired;
  readonly have: Observed;
  readonly plan: Plan;
  readonly started: Started | undefined;
  /** NICs of the guest in the order of their devices, and the names the spec gives them. */
  readonly nics: readonly NamedNic[];
  readonly addresses: readonly NicAddresses[] | undefined;
  readonly agent: Agent;
  /** Absent while the guest is not there to be looked at. */
  readonly cloudInit: Omit<CloudInitPlan, 'build'> | undefined;
  /** What differs from the spec and is not brought in line: a sentence each. */
  readonly differences: readonly string[];
  /** Fields of the spec that have no effect: a sentence each. */
  readonly ignored: readonly string[];
  readonly consoleURL: string | undefined;
  /** What would be done. Absent: it is done. */
  readonly dryRun?: readonly string[];
}

type Status = VirtualMachineStatus;
type Phase = NonNullable<Status['phase']>;

// What the schema of the status allows: the API server refuses a longer one, and then nothing is written down at all.
const LONGEST_TEXT = 1024;
const MOST_NETWORKS = 32;
const MOST_ADDRESSES_OF_A_NIC = 32;
const MOST_ADDRESSES = 64;
const MOST_PENDING = 64;
const MOST_DISKS = 62;

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= LONGEST_TEXT ? text : `${characters.slice(0, LONGEST_TEXT - 1).join('')}…`;
}

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

export function reportStatus(vm: VirtualMachine, facts: Facts): Status {
  const before = vm.status ?? {};
  const own = ownGuest(facts);
  const message = messageOf(facts.plan) ?? remarks(facts, own);
  return {
    phase: phaseOf(facts, own, before.phase),
    ...present({
      message: message && cut(message),
      task: taskOf(before, facts),
      cloudInit: reportCloudInit(vm, facts, own),
    }),
    ...claimOf(before, facts),
    ...disksOf(before, facts),
    ...(own ? guestOf(vm, facts, own) : lastSeen(before, facts)),
    ...restartOf(before, facts.dryRun ? undefined : facts.have.restart),
    ...(facts.dryRun && { plan: [...facts.dryRun] }),
    ...present({ appliedDigest: facts.have.claim && appliedAfter(before.appliedDigest, facts) }),
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
  const noted = started?.kind === 'tagsNoted' ? started.tags : ownTags;
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
  const kept = present({ vmid, claimedAt, adopted, createdAt, uuid, node, name, cloneType, placement });
  if (plan.kind !== 'act') return kept;
  if (plan.step.do === 'choose') return { ...kept, ...chosen(plan.step.creation) };
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
  return disks.length > 0 ? { disks: disks.slice(0, MOST_DISKS) } : {};
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
    ? present({ powerState, networks, ipAddresses, consoleURL })
    : {};
}

/** What only a look at the guest can tell. */
const guestOf = (vm: VirtualMachine, facts: Facts, own: Guest): Partial<Status> => ({
  node: own.node,
  powerState: powerStateOf(own),
  ...present({
    uuid: smbiosUuidOf(own.config),
    // Where there is a name, the guest was ours once.
    name: isMarked(own, facts.want) ? (own.config['name'] ?? vm.metadata.name) : undefined,
    consoleURL: facts.consoleURL,
  }),
  ...(own.pending.length > 0 && { pendingChanges: pendingOf(own) }),
  ...networksOf(vm.status ?? {}, facts, own),
});

const pendingOf = ({ pending }: Guest): NonNullable<Status['pendingChanges']> =>
  pending.slice(0, MOST_PENDING).map(({ key, current, pending: next }) => ({
    key,
    ...(current !== undefined && { current: cut(current) }),
    ...(next !== undefined && { pending: cut(next) }),
  }));

/** A configuration that is written at once has no task that would tell that it succeeded. */
const isMended = ({ have: { failure }, plan, started }: Facts): boolean =>
  failure?.step === 'qmconfig' &&
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

function networksOf(before: Status, facts: Facts, own: Guest): Pick<Status, 'networks' | 'ipAddresses'> {
  // An agent that does not answer for a moment says nothing about addresses; a guest that is off has none.
  const addressesOf = (device: string): readonly string[] => {
    const told = facts.addresses?.find((nic) => nic.device === device)?.addresses;
    const last = before.networks?.find((network) => network.device === device)?.ipAddresses;
    return (told ?? (own.running ? last : undefined) ?? []).slice(0, MOST_ADDRESSES_OF_A_NIC);
  };
  const networks = facts.nics.slice(0, MOST_NETWORKS).map(({ name, device, mac = '', bridge, settings }) => {
    const ipAddresses = addressesOf(device);
    return {
      device,
      mac,
      ...present({ name, bridge }),
      ...(settings.length > 0 && { settings: [...settings] }),
      ...(ipAddresses.length > 0 && { ipAddresses }),
    };
  });
  const all = new Set(networks.flatMap((network) => network.ipAddresses ?? []));
  const ipAddresses = [...all].slice(0, MOST_ADDRESSES);
  return { ...(networks.length > 0 && { networks }), ...(ipAddresses.length > 0 && { ipAddresses }) };
}

function phaseOf({ want, plan, have }: Facts, own: Guest | undefined, last: Phase | undefined): Phase {
  if (!want.exists) return 'Deleting';
  if (!own) return phaseWithoutGuest(plan, have, last);
  const asWished = want.power === 'On' ? isUp(own) : !own.running;
  if (plan.kind === 'refuse' && !asWished) return 'Failed';
  if (!own.running)
    return plan.kind === 'withheld' || (asWished && plan.kind === 'steady') ? 'Stopped' : 'Provisioning';
  return isReconfiguring(plan) ? 'Reconfiguring' : 'Running';
}

function phaseWithoutGuest(plan: Plan, { claim, presence }: Observed, last: Phase | undefined): Phase {
  if (claim?.made && presence.kind === 'unknown') return last ?? 'Provisioning';
  if (claim?.made || plan.kind === 'refuse') return 'Failed';
  return claim ? 'Provisioning' : 'Pending';
}

function restartOf(before: Status, judged: Restart | undefined): Pick<Status, 'restart' | 'restartedAt'> {
  if (judged === undefined) return present({ restart: before.restart, restartedAt: before.restartedAt });
  const { note, restartedAt } = judged;
  return {
    ...present({ restartedAt }),
    ...(note && {
      restart: { cause: note.cause, of: note.of, at: iso(note.at), ...(note.stopped && { stopped: true }) },
    }),
  };
}

const RECONFIGURING: ReadonlySet<string> = new Set(['configure', 'noteWish']);

const isReconfiguring = (plan: Plan): boolean =>
  plan.kind === 'act' && (RECONFIGURING.has(plan.step.do) || isDiskStep(plan.step));

const DOING: Readonly<Record<Extract<Plan, { kind: 'act' }>['step']['do'], string>> = {
  reserve: 'A VMID is reserved.',
  adopt: 'The VM is taken over.',
  releaseClaim: 'The VMID is given back.',
  choose: 'The node is chosen.',
  migrate: 'The VM is being moved to its node.',
  clone: 'The template is being cloned.',
  noteSeed: 'The cloud-init image is being prepared.',
  noteWish: 'The configuration is about to change.',
  noteRestart: 'A restart is written down.',
  noteTags: 'The tags are about to change.',
  noteHook: 'The hook postStart is made due.',
  runHook: 'A hook is started in the guest.',
  uploadSeed: 'The cloud-init image is being uploaded.',
  configure: 'The configuration is being written.',
  noteDisks: 'The devices of new disks are written down.',
  attachDisk: 'A disk is being attached.',
  growDisk: 'A disk is being grown.',
  moveDisk: 'A disk is being moved to another storage.',
  detachDisk: 'A disk is being detached.',
  destroyDisk: 'A disk is being destroyed.',
  start: 'The VM is starting.',
  stop: 'The VM is being stopped.',
  shutdown: 'The VM is shutting down.',
  destroy: 'The VM is being destroyed.',
  deleteSeed: 'The cloud-init image is being deleted.',
};

/** What a plan means, for people. */
export const messageOf = (plan: Plan): string | undefined => {
  switch (plan.kind) {
    case 'act':
      return DOING[plan.step.do];
    case 'wait':
    case 'refuse':
      return plan.message;
    case 'withheld':
      return withheldMessage(plan);
    case 'steady':
    case 'gone':
      return undefined;
    default:
      return plan satisfies never;
  }
};
