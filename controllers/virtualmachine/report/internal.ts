/** `status.internal`: what the operator needs in later passes. Pure. */
import { reportCloudInit, templateOptions } from '../cloud-init/status.ts';
import { ownDrive } from '../cloud-init/own-drive.ts';
import { appliedAfter } from '../config/drift.ts';
import { ownTagsIn } from '../config/options.ts';
import { originalAfter } from '../networks/devices.ts';
import { nicRecordAfter } from '../networks/record.ts';
import { stillRequested } from '../restart/obsolete.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import type { Facts } from '../model/facts.ts';
import { isOwn } from '../ownership/identity.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Restart } from '../model/restart.ts';
import type { VirtualMachine, VirtualMachineInternal, VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';

type Internal = VirtualMachineInternal;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

/** @param own the guest, if it was seen and is ours */
export function internalOf(
  vm: VirtualMachine,
  facts: Facts,
  own: Guest | undefined,
): Pick<VirtualMachineStatus, 'internal'> {
  const before = vm.status?.internal ?? {};
  const internal = {
    ...identityOf(before, facts, own),
    ...releasedIn(before, facts),
    ...(facts.preserved === true && { preserved: true }),
    ...(hasVmid(facts) && omitUndefined({ provider: facts.origin })),
    ...(leavesRestored(facts) ? {} : appliedIn(vm, facts)),
    ...revertIn(before, facts),
    ...omitUndefined({
      cloudInit: reportCloudInit(vm, facts, own),
    }),
    ...(isHeld(facts) && templateOptions(vm, facts.cloudInit, own)),
    ...driveOf(vm, facts, own),
    ...tagsOf(facts, own),
    ...networksOf(vm, facts, own),
    ...requestedOf(before, facts, own),
    ...hostOf(before, facts, own),
    ...templateNodeOf(facts),
    ...restartOf(before, facts.dryRun ? undefined : facts.have.restart),
  };
  return Object.keys(internal).length > 0 ? { internal } : {};
}

/** Until the spec counts again, the record of what was applied is that of the state before the revert. */
const leavesRestored = ({ plan }: Facts): boolean =>
  plan.kind === 'act' && plan.step.do === 'recordRevert' && plan.step.leaves === true;

const appliedIn = (
  vm: VirtualMachine,
  facts: Facts,
): Pick<Internal, 'applied' | 'appliedDigest' | 'recovered'> => ({
  ...recoveredIn(vm.status?.internal ?? {}, facts),
  ...omitUndefined({
    applied: facts.have.claim && appliedAfter(vm.status?.internal?.applied, facts),
    appliedDigest: earlierDigest(vm, facts),
  }),
});

/** A VM that is made again keeps no state of the one before. */
function revertIn({ revert: before }: Internal, { plan, started }: Facts): Pick<Internal, 'revert'> {
  if (plan.kind === 'act' && plan.step.do === 'recordRevert') return { revert: plan.step.revert };
  if (!before) return {};
  return { revert: started?.kind === 'claimReleased' ? { ...before, state: 'Applied' } : before };
}

/** The VMID is ours, and stays so after this pass. */
const isHeld = ({ have, started }: Facts): boolean =>
  have.claim !== undefined && started?.kind !== 'claimReleased';

const hasVmid = (facts: Facts): boolean => facts.started?.kind === 'claim' || isHeld(facts);

/** Both hold until the VMID is released. */
function identityOf(
  before: Internal,
  facts: Facts,
  own: Guest | undefined,
): Pick<Internal, 'claimedAt' | 'uuid'> {
  const { want, have, plan, started } = facts;
  // What status records proves whose guest it is: nothing is recorded before it is ours.
  const isOurs =
    own && (isOwn(own, want.owner, have.claim) || (plan.kind === 'act' && plan.step.do === 'adopt'));
  const seen = isOurs ? smbiosUuidOf(own.config) : undefined;
  if (started?.kind === 'claim') return { claimedAt: iso(have.now), ...omitUndefined({ uuid: seen }) };
  const held = isHeld(facts);
  return omitUndefined({
    claimedAt: held ? before.claimedAt : undefined,
    uuid: seen ?? (held ? before.uuid : undefined),
  });
}

/**
 * Kept until the guest is read for the first time after the upgrade. The digest cannot be compared, so after an edit that
 * nobody has carried out it would say of settings that they were applied.
 */
function earlierDigest({ metadata, status }: VirtualMachine, facts: Facts): Internal['appliedDigest'] {
  const isEdited = status?.observedGeneration !== metadata.generation;
  const isKept = isHeld(facts) && facts.have.parts === undefined && !isEdited;
  return isKept ? status.internal?.appliedDigest : undefined;
}

/** Kept until the guest is read for the first time: what its parts are recorded as follows from it. */
function recoveredIn(before: Internal, facts: Facts): Pick<Internal, 'recovered'> {
  const { have, plan, started } = facts;
  const recovers =
    started?.kind === 'claim' && plan.kind === 'act' && plan.step.do === 'reserve' && plan.step.recovers;
  const isKept = before.recovered && isHeld(facts) && have.parts === undefined;
  return recovers || isKept ? { recovered: true } : {};
}

/** Kept while the guest cannot be read. */
function driveOf(vm: VirtualMachine, facts: Facts, own: Guest | undefined): Pick<Internal, 'drive'> {
  if (!isHeld(facts) || facts.started?.kind === 'driveGone') return {};
  return omitUndefined({ drive: own ? ownDrive(vm, own) : vm.status?.internal?.drive });
}

const releasedIn = (before: Internal, { want, started }: Facts): Pick<Internal, 'released'> =>
  before.released || (!want.exists && started?.kind === 'claimReleased') ? { released: true } : {};

function tagsOf(facts: Facts, own: Guest | undefined): Pick<Internal, 'tags'> {
  const { want, have, started } = facts;
  const { ownTags } = have;
  if (!isHeld(facts)) return {};
  const recorded = started?.kind === 'tagsRecorded' ? started.tags : ownTags;
  const tags = own && want.exists ? ownTagsIn(recorded, want.options?.tags ?? [], own.config) : [...recorded];
  return tags.length > 0 ? { tags } : {};
}

/** The steps whose report is stored before anything else is done. */
function networksOf(
  vm: VirtualMachine,
  { want, have, plan, started }: Facts,
  own: Guest | undefined,
): Pick<Internal, 'networks' | 'originalNics'> {
  const claims = started?.kind === 'claim';
  if ((have.claim === undefined && !claims) || started?.kind === 'claimReleased') return {};
  const extend = claims || (plan.kind === 'act' && plan.step.do === 'recordNetworks');
  const networks = nicRecordAfter(vm, want, { guest: own, extend });
  const original = claims ? [] : originalAfter(vm, own?.config);
  return {
    ...(networks.length > 0 && { networks }),
    ...(original.length > 0 && { originalNics: original }),
  };
}

/** What is pending is compared with the spec only while there is one. A change of ours stays ours until it is reverted. */
function requestedOf(
  before: Internal,
  { have: { awaited, requestedChanges, claim } }: Facts,
  own: Guest | undefined,
): Pick<Internal, 'requestedChanges'> {
  if (claim === undefined) return {};
  const ours = own ? stillRequested(own, requestedChanges).map(({ key }) => key) : [];
  const keys = awaited ? [...new Set([...awaited, ...ours])] : (before.requestedChanges ?? []);
  const pending = keys.filter((key) => own?.pending.some((row) => row.key === key) ?? true);
  return pending.length > 0 ? { requestedChanges: pending } : {};
}

/** While the guest cannot be read, the recorded value is kept as long as the spec names the same node. */
function hostOf(
  before: Internal,
  { want, have: { claim } }: Facts,
  own: Guest | undefined,
): Pick<Internal, 'host'> {
  if (!want.exists || want.host === undefined || claim === undefined) return {};
  return own?.node === want.host || before.host === want.host ? { host: want.host } : {};
}

/** Read by the VMImage. */
function templateNodeOf({ want, have: { claim } }: Facts): Pick<Internal, 'templateNode'> {
  if (!want.exists || claim !== undefined || want.creation.ok) return {};
  const { awaits } = want.creation;
  return awaits === undefined ? {} : { templateNode: awaits };
}

function restartOf(before: Internal, judged: Restart | undefined): Pick<Internal, 'restart' | 'restartedAt'> {
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
