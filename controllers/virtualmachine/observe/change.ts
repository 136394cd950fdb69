/** What has to change in a guest that is ours. Pure. */
import { cloudInitChange } from '../cloud-init/afterwards.ts';
import { cloudInitOf } from '../cloud-init/observe.ts';
import { appliedDigestOf, specDigest } from '../config/applied-digest.ts';
import { bestEffortWritesOf, keepsTags } from '../config/best-effort.ts';
import { configChange } from '../config/change.ts';
import { isApplied, judgeDrift } from '../config/drift.ts';
import { separateDrives } from '../config/drive-options.ts';
import { detachedDisksOf } from '../disks/detached.ts';
import { diskWork } from '../disks/work.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import type { Surroundings } from '../model/surroundings.ts';
import { withoutMissingBridges } from '../networks/missing-bridges.ts';
import { writesUnrecorded } from '../networks/record.ts';
import { moveBeforeStart } from '../placement/chosen.ts';
import { relocate } from '../placement/relocate.ts';
import { awaitedKeys } from '../restart/awaited.ts';
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
  | 'drives'
  | 'unrecordedNics'
  | 'nicsNotApplied'
  | 'drift'
  | 'digests'
  | 'bestEffortWrites'
  | 'notApplied'
  | 'awaited'
  | 'move'
  | 'relocation'
  | 'disks'
>;

export function changeOf(inputs: Inputs, own: Own): Due & { readonly cloudInit: CloudInitPlan | undefined } {
  const { vm, spec, raw, cluster, state, now } = inputs;
  const { want, have, guest, surroundings } = own;
  const cloudInit = cloudInitIn(inputs, own);
  const room = surroundings.cpus;
  const keepTags = keepsTags(have.failure, state.refusedWrites);
  const written = { cloudInit, ...room, keepTags, release: surroundings.release };
  const digest = specDigest(want, guest, room);
  const judged = judgeDrift(configChange(vm, want, guest, written), guest, {
    digest,
    applied: appliedDigestOf(vm, guest, digest),
    policy: want.driftPolicy,
  });
  const afterwards = cloudInitChange(vm, guest, { plan: cloudInit, now });
  const applied = isApplied(judged.digests);
  const writes = { ownTags: have.ownTags, refusedWrites: state.refusedWrites, applied, now };
  const possible = withoutMissingBridges(judged.change, guest, raw.bridges.get(guest.node));
  const separate = separateDrives(possible.change, guest, { refusedWrites: state.refusedWrites, now });
  const relocation = relocate(vm, { want, guest }, { cluster, preconditions: raw.migrationPreconditions });
  return {
    ...judged,
    ...bestEffortWritesOf(want, guest, writes),
    ...possible,
    ...separate,
    change: separate.change ?? afterwards,
    unrecordedNics: writesUnrecorded(vm, want, { change: separate.change, config: guest.config }),
    awaited: awaitedKeys(vm, want, guest, written),
    move: moveBeforeStart(vm, guest, spec.host) ?? relocation?.move,
    relocation,
    disks: diskWork(want, guest, {
      recorded: vm.status?.disks ?? [],
      detached: detachedDisksOf(vm),
      storages: surroundings.storages,
      isApplied: applied && want.driftPolicy !== 'Revert',
    }),
    cloudInit,
  };
}

function cloudInitIn(
  { vm, raw, digest }: Inputs,
  { want, guest, surroundings }: Own,
): CloudInitPlan | undefined {
  const { snippetExists, images } = raw;
  return (
    want.cloudInit &&
    cloudInitOf(vm, { ...want, cloudInit: want.cloudInit }, guest, {
      surroundings,
      snippetExists,
      images,
      digest,
    })
  );
}
