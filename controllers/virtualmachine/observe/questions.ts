/**
 * What must be read of Proxmox VE to decide about a guest. Asked again after each answer, because the next question
 * follows from what is known so far; no question means that everything is known. Pure.
 */
import { parseVolumeId } from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';
import { insertedVolumes } from '../cdroms/drives.ts';
import { needsResolver, renewsCloudInit } from '../cloud-init/plan.ts';
import { isImageBack } from '../cloud-init/seed-drive.ts';
import { isNew } from '../config/is-new.ts';
import type { Desired } from '../model/desired.ts';
import type { Claim } from '../model/observed.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import { asksForOtherBridge } from '../networks/missing-bridges.ts';
import { hostToAskAbout } from '../placement/relocate.ts';
import { vmidToAskAbout } from '../placement/vmid-holder.ts';
import { desiredOf } from '../resolve/resolve.ts';
import { isInDoubt, lockedGuest, tasksOn } from './in-flight.ts';
import {
  claimIn,
  creationIn,
  hidesGuest,
  namedTask,
  ownGuest,
  presenceAfterTasks,
  presenceIn,
  requestsAfter,
  taskIn,
  templateIn,
  type Inputs,
} from './inputs.ts';
import { isVague } from '../../shared/tasks/log-reason.ts';
import { isLogDue } from './progress.ts';
import type { RawFacts, Read } from './raw-facts.ts';
import type { CreationDecision } from '../placement/creation.ts';

export function questions(inputs: Inputs): readonly Read[] {
  const open = taskQuestions(inputs);
  if (open.length > 0 || hidesGuest(taskIn(inputs))) return open;
  const { cloneRequest } = requestsAfter(inputs, taskIn(inputs));
  const claim = claimIn(inputs, cloneRequest);
  const presence = presenceIn(inputs, claim, cloneRequest);
  if (!presence) return claim ? [{ read: 'presence', vmid: claim.vmid, hint: inputs.vm.status?.node }] : [];
  return guestQuestions(inputs, claim, presence);
}

function taskQuestions(inputs: Inputs): readonly Read[] {
  const { raw, state, now } = inputs;
  const named = namedTask(inputs);
  if (named?.reach !== 'online') return [];
  const { node, upid } = named;
  if (!raw.task) return [{ read: 'task', node, upid }];
  if (raw.task.state === 'failed' && isVague(raw.task.exitStatus) && !raw.taskLog)
    return [{ read: 'taskLog', node, upid }];
  return raw.task.state === 'running' && !raw.taskLog && isLogDue(state.progress, named, now)
    ? [{ read: 'taskLog', node, upid }]
    : [];
}

/** @param located where the guest was found first */
function guestQuestions(inputs: Inputs, claim: Claim | undefined, located: Presence): readonly Read[] {
  const { spec } = inputs;
  const { creation, unread } = creationIn(inputs, claim, located);
  if (unread) return creationQuestions(unread);
  const tasks = tasksIn(inputs, claim, creation);
  const doubt = doubtQuestions(inputs, claim, { located, tasks });
  if (doubt.length > 0) return doubt;
  const presence = presenceAfterTasks(inputs, located, tasks);
  const want = desiredOf(spec, creation);
  const more = numberQuestions(inputs, claim, want);
  const guest = ownGuest(want, claim, presence);
  return more.length > 0 || !guest ? more : ownQuestions(inputs, want, guest);
}

function creationQuestions(unread: NonNullable<CreationDecision['unread']>): readonly Read[] {
  switch (unread.what) {
    case 'templates':
      return unread.vmids.map((vmid) => ({ read: 'template', vmid }));
    case 'source':
      return [{ read: 'source', vmid: unread.vmid, snapname: unread.snapname }];
    case 'bridges':
      return [{ read: 'bridges', node: unread.node }];
    case 'volumes':
      return [{ read: 'missingVolumes', node: unread.node, volumes: unread.volumes }];
  }
}

const tasksIn = (
  { raw }: Inputs,
  claim: Claim | undefined,
  creation: Creation,
): readonly Upid[] | undefined =>
  raw.activeTasks && claim && tasksOn(raw.activeTasks, claim, templateIn(claim, creation));

/** PVE locks a guest while it is cloned, and then fails what would change it. */
const isCopiedWhileDeleted = ({ spec, cluster: { view } }: Inputs, claim: Claim | undefined): boolean =>
  spec.shape === undefined &&
  (view?.activeTasks.some(({ type, id }) => type === 'qmclone' && id === String(claim?.vmid)) ?? false);

function doubtQuestions(
  inputs: Inputs,
  claim: Claim | undefined,
  { located, tasks }: { readonly located: Presence; readonly tasks: readonly Upid[] | undefined },
): readonly Read[] {
  const { raw } = inputs;
  const { inFlight } = requestsAfter(inputs, taskIn(inputs));
  const isDoubtful = isInDoubt(inFlight, located, claim) || isCopiedWhileDeleted(inputs, claim);
  if (!raw.activeTasks && isDoubtful) return [{ read: 'activeTasks' }];
  const locked = lockedGuest(located);
  return claim && locked && tasks?.length === 0 && !raw.presenceAgain
    ? [{ read: 'presenceAgain', vmid: claim.vmid, hint: locked.node }]
    : [];
}

/** Before a VMID is reserved: who has the one in the spec, which guest is adopted, and which guests carry our name. */
function numberQuestions(
  { spec, raw, cluster, state }: Inputs,
  claim: Claim | undefined,
  want: Desired,
): readonly Read[] {
  if (claim) return [];
  if (!want.exists) return namesakesQuestion(raw, state);
  const { creation } = want;
  const asked = vmidToAskAbout({ spec, claim, creation });
  if (asked !== undefined && raw.vmidIsFree === undefined) return [{ read: 'vmidIsFree', vmid: asked }];
  if (want.adopt !== undefined && cluster.view && !raw.candidate)
    return [{ read: 'candidate', vmid: want.adopt, hint: undefined }];
  return namesakesQuestion(raw, state);
}

const namesakesQuestion = (raw: RawFacts, { surveyed }: ProcessState): readonly Read[] =>
  raw.namesakes ? [] : [{ read: 'namesakes', refresh: !surveyed }];

function ownQuestions(inputs: Inputs, want: Desired, guest: Guest): readonly Read[] {
  const { vm, raw, cluster } = inputs;
  const hook = vm.status?.hook;
  if (hook?.state === 'Running' && hook.pid !== undefined && !raw.execution)
    return [{ read: 'execution', guest, pid: hook.pid }];
  if (!want.exists) return clonesQuestion(inputs, want, guest);
  if (isSnapshotListDue(inputs, guest)) return [{ read: 'snapshots', guest }];
  const data = dataQuestions(inputs, want, guest);
  if (data.length > 0) return data;
  const bridges = bridgeQuestions(inputs, want, guest);
  if (bridges.length > 0) return bridges;
  const host =
    raw.migrationPreconditions === undefined ? hostToAskAbout(vm, { want, guest }, cluster) : undefined;
  return host === undefined ? [] : [{ read: 'movability', guest, host }];
}

/** Before a guest with snapshots, or a template, is stopped and destroyed: its linked clones would lose their parents. */
function clonesQuestion(
  { vm: { status }, raw }: Inputs,
  { deletionPolicy, heldDeletion, protection }: Extract<Desired, { exists: false }>,
  guest: Guest,
): readonly Read[] {
  const isToGo = deletionPolicy === 'Delete' && heldDeletion === undefined && protection !== true;
  if (raw.linkedClones || !isToGo) return [];
  const mayHaveClones =
    guest.template || guest.config['parent'] !== undefined || (status?.snapshotCount ?? 0) > 0;
  return mayHaveClones ? [{ read: 'linkedClones', guest }] : [];
}

/** The configuration names the snapshot that the guest is based on; after a deletion there may be others without it. */
const isSnapshotListDue = ({ vm: { status }, raw }: Inputs, { config }: Guest): boolean =>
  !raw.snapshots &&
  (config['parent'] !== undefined ||
    (status?.snapshotCount ?? 0) > 0 ||
    status?.internal?.cloudInit?.keptBy !== undefined);

/** Before a guest is created, its bridges are checked with its node. */
const bridgeQuestions = (
  { vm, raw }: Inputs,
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
): readonly Read[] =>
  !isNew(vm, guest) && asksForOtherBridge(want, guest) && !raw.bridges.has(guest.node)
    ? [{ read: 'bridges', node: guest.node }]
    : [];

function dataQuestions(
  inputs: Inputs,
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
): readonly Read[] {
  const volumes = volumeQuestions(inputs, want, guest);
  return volumes.length > 0 ? volumes : cloudInitQuestions(inputs, want, guest);
}

/** A snippet that is delivered, and images that are inserted: PVE would refuse to start the guest, or to change it. */
function volumeQuestions(
  { vm, raw, digest }: Inputs,
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
): readonly Read[] {
  const { cloudInit } = want;
  const { node } = guest;
  if (raw.missingVolumes.has(node)) return [];
  const snippet =
    cloudInit?.snippet !== undefined &&
    (isNew(vm, guest) || renewsCloudInit(vm, { ...want, cloudInit }, guest, digest))
      ? [cloudInit.snippet]
      : [];
  const volumes = [...snippet, ...insertedVolumes(vm, want, guest)];
  return volumes.length > 0 ? [{ read: 'missingVolumes', node, volumes }] : [];
}

/** Whether the data for the guest is in place; only what our status names can have been uploaded. */
function cloudInitQuestions(
  inputs: Inputs,
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
): readonly Read[] {
  const { vm, raw, cluster, digest } = inputs;
  const { cloudInit } = want;
  const { node } = guest;
  if (!raw.images && isImageBack(vm.status?.internal?.cloudInit, guest)) return imagesQuestion(inputs, node);
  if (!cloudInit || !(isNew(vm, guest) || renewsCloudInit(vm, { ...want, cloudInit }, guest, digest)))
    return [];
  if (cloudInit.snippet !== undefined) return [];
  if (
    !raw.resolver &&
    needsResolver(vm, { ...want, cloudInit }, guest, { digest, release: cluster.releases?.get(node) })
  )
    return [{ read: 'resolver', guest }];
  return imagesQuestion(inputs, node);
}

function imagesQuestion({ vm, raw, cluster }: Inputs, node: NodeName): readonly Read[] {
  const storage = imageStorage(vm, cluster, node);
  return storage !== undefined && !raw.images ? [{ read: 'images', node, storage }] : [];
}

/** The storage of the image that status names, if it can be read on the node. */
function imageStorage(
  { status }: VirtualMachine,
  { view }: ClusterFacts,
  node: NodeName,
): string | undefined {
  const storage = parseVolumeId(status?.internal?.cloudInit?.volume ?? '')?.storage;
  const rows = view?.storages.filter((each) => each.node === node && each.storage === storage) ?? [];
  return rows.some(({ status: is, content }) => is === 'available' && content.includes('iso'))
    ? storage
    : undefined;
}
