/** What has to change in a guest that is ours. Pure. */
import { bootDevices } from '../cdroms/boot.ts';
import { cdromKeys, cdromWork, leavingChange } from '../cdroms/drives.ts';
import { cloudInitChange, ejectionOf } from '../cloud-init/afterwards.ts';
import { cloudInitOf } from '../cloud-init/observe.ts';
import { digestsOf, recordedDigests } from '../config/applied-digest.ts';
import { bestEffortWritesOf, keepsTags } from '../config/best-effort.ts';
import { configChange } from '../config/change.ts';
import { isApplied, judgeDrift } from '../config/drift.ts';
import { recordedDisks } from '../config/copied-disks.ts';
import { isNew } from '../config/is-new.ts';
import {
  cdromPart,
  DEVICES,
  diskPart,
  keysOf,
  networkPart,
  optionsPart,
  partOfKey,
} from '../config/parts.ts';
import { separateDevices } from '../config/device-writes.ts';
import { detachedDisksOf } from '../disks/detached.ts';
import { diskWork } from '../disks/work.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import { limitedTo, nonEmpty } from '../../shared/guests/keys.ts';
import type { AppliedParts, ConfigChange } from '../model/config.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import type { Surroundings } from '../model/surroundings.ts';
import { withoutMissingBridges } from '../networks/missing-bridges.ts';
import { writesUnrecorded } from '../networks/record.ts';
import { moveBeforeStart } from '../placement/chosen.ts';
import { relocate } from '../placement/relocate.ts';
import { awaitedKeys } from '../restart/awaited.ts';
import { obsoleteKeys } from '../restart/obsolete.ts';
import { heldBack } from '../revert/hold.ts';
import type { Inputs } from './inputs.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface Own {
  readonly want: Wanted;
  readonly have: Observed;
  readonly guest: Guest;
  readonly surroundings: Surroundings;
}

type Due = Pick<
  Observed,
  | 'change'
  | 'devices'
  | 'unrecordedNics'
  | 'nicsNotApplied'
  | 'drift'
  | 'parts'
  | 'bestEffortWrites'
  | 'notApplied'
  | 'awaited'
  | 'obsoleteKeys'
  | 'move'
  | 'relocation'
  | 'disks'
  | 'cdroms'
  | 'restoredDiffers'
>;

export function changeOf(inputs: Inputs, own: Own): Due & { readonly cloudInit: CloudInitPlan | undefined } {
  const { vm, spec, raw, cluster, state, now } = inputs;
  const { want, have, guest, surroundings } = own;
  const cloudInit = cloudInitIn(inputs, own);
  const room = surroundings.cpus;
  const keepTags = keepsTags(have.failure, state.refusedWrites);
  const missingVolumes = raw.missingVolumes.get(guest.node);
  const written = { cloudInit, ...room, keepTags, release: surroundings.release, missingVolumes };
  const compared = comparedDigests(vm, own);
  const partOf = partOfKey(vm, want, guest);
  const held = heldParts(want);
  const isHeld = (key: string): boolean => held.includes(partOf(key));
  // Of a guest that keeps a restored state everything that differs is named, whoever applied it.
  const holds = have.revert?.holds !== undefined;
  const judged = judgeDrift(without(isHeld, configChange(vm, want, guest, written)), guest, {
    ...compared,
    partOf,
    policy: holds ? 'Revert' : want.driftPolicy,
  });
  const afterwards = lastChange(inputs, own, cloudInit);
  const awaited = awaitedKeys(vm, want, guest, written);
  const { refusedWrites } = state;
  const options = bestEffortWritesOf(want, guest, {
    ownTags: have.ownTags,
    refusedWrites,
    isApplied: (key) => isApplied(key, compared),
    now,
  });
  const there = raw.bridges.get(guest.node);
  const possible = withoutMissingBridges(judged.change, guest, there, spec.grant.bridges);
  const separate = separateDevices(possible.change, guest, { refusedWrites, isNew: isNew(vm, guest), now });
  const relocation = relocate(vm, { want, guest }, { cluster, preconditions: raw.migrationPreconditions });
  const disks = diskWork(want, guest, {
    recorded: recordedDisks(vm, guest),
    detached: detachedDisksOf(vm),
    storages: surroundings.storages,
    isApplied: (name) => isApplied(diskPart(name), compared),
    reverts: want.driftPolicy === 'Revert',
    wasReverted: vm.status?.internal?.revert !== undefined,
  });
  const cdroms = cdromWork(vm, want, guest, { missing: missingVolumes });
  const due = {
    ...judged,
    bestEffortWrites: options.bestEffortWrites,
    notApplied: options.notApplied,
    ...possible,
    ...separate,
    change: separate.change ?? afterwards,
    unrecordedNics: writesUnrecorded(vm, want, { change: possible.change, config: guest.config }),
    awaited,
    obsoleteKeys: obsoleteKeys(guest, have.requestedChanges, awaited),
    move: moveBeforeStart(vm, guest, spec.host) ?? relocation?.move,
    relocation,
    disks,
    cdroms,
    parts: {
      ...compared,
      open: [
        ...(judged.change ? keysOf(judged.change).map(partOf) : []),
        // The options of a disk that grows are written again with its size.
        ...disks.open.flatMap((name) => [diskPart(name), optionsPart(name)]),
        ...options.open,
        ...cdroms.waiting.map(cdromPart),
      ],
    },
    cloudInit,
  };
  if (!holds) return due;
  const ejection = ejectionOf(vm, guest, { plan: cloudInit, images: raw.images, now });
  return { ...due, ...heldBack(due, guest), change: ejection };
}

/** What is done after everything else, so that it blocks nothing. */
const lastChange = (
  { vm, raw: { images }, now }: Inputs,
  { want, guest }: Own,
  plan: CloudInitPlan | undefined,
): ConfigChange | undefined =>
  leavingChange(vm, want, guest) ?? cloudInitChange(vm, guest, { plan, images, now });

/** Of a new guest nothing was applied, and nothing is until its first configuration is complete. */
function comparedDigests(
  vm: VirtualMachine,
  { want, guest, surroundings }: Own,
): Pick<AppliedParts, 'digests' | 'recorded'> {
  if (isNew(vm, guest)) return { digests: {}, recorded: {} };
  const order = bootDevices(vm, want, guest, cdromKeys(vm, want, guest).set);
  const digests = digestsOf(want, guest, surroundings.cpus, order);
  const recorded = recordedDigests(vm, digests);
  return { digests: withHeld(want, { digests, recorded }), recorded };
}

const heldParts = ({ held }: Wanted): readonly string[] => [
  ...(held?.disks ?? []).flatMap((name) => [diskPart(name), optionsPart(name)]),
  ...(held?.nics ?? []).map(networkPart),
  ...(held?.cdroms ?? []).map(cdromPart),
  ...(held?.devices ? [DEVICES] : []),
];

/** A part that is left as it is counts as what it was applied as last, if it was. */
function withHeld(
  want: Wanted,
  { digests, recorded }: Pick<AppliedParts, 'digests' | 'recorded'>,
): AppliedParts['digests'] {
  const held = heldParts(want);
  const others = Object.entries(digests).filter(([part]) => !held.includes(part));
  const kept = held.flatMap((part) => {
    const digest = recorded[part];
    return digest === undefined ? [] : [[part, digest] as const];
  });
  return Object.fromEntries([...others, ...kept]);
}

const without = (
  isHeld: (key: string) => boolean,
  change: ConfigChange | undefined,
): ConfigChange | undefined =>
  change && keysOf(change).some(isHeld) ? nonEmpty(limitedTo(change, (key) => !isHeld(key))) : change;

function cloudInitIn(
  { vm, raw, digest }: Inputs,
  { want, guest, surroundings }: Own,
): CloudInitPlan | undefined {
  const { missingVolumes, images, resolver } = raw;
  return (
    want.cloudInit &&
    cloudInitOf(vm, { ...want, cloudInit: want.cloudInit }, guest, {
      surroundings,
      missingVolumes: missingVolumes.get(guest.node),
      images,
      resolver,
      digest,
    })
  );
}
