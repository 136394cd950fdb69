/** What status remembers of cloud-init: what the guest was given, and whether it has taken it. Pure. */
import type { VirtualMachine, VirtualMachineInternal, VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { changedParts, isComparable } from './given.ts';
import { isHanded } from './plan.ts';
import type { CloudInitPlan, Given } from '../model/cloud-init.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Desired } from '../model/desired.ts';
import { bootedSince, seedDrives } from './seed-drive.ts';

type Handed = NonNullable<VirtualMachineInternal['cloudInit']>;
export type Remembered = Pick<Handed, 'deliveredDigests' | 'instanceRevision' | 'deliveredAt' | 'consumed'>;

export interface Handing {
  readonly guest: Guest | undefined;
  /** Absent: not known, because a Secret is missing. */
  readonly plan: Omit<CloudInitPlan, 'build'> | undefined;
  /** The guest agent answered in this pass. */
  readonly answered: boolean;
  /** Epoch ms. */
  readonly now: number;
}

/** By what the guest is seen to have, not by what was asked: a step whose status was lost is found here. */
export function remembered(vm: VirtualMachine, handing: Handing): Remembered {
  const { deliveredDigests, instanceRevision, deliveredAt, consumed } = vm.status?.internal?.cloudInit ?? {};
  return omitUndefined({
    deliveredDigests,
    instanceRevision,
    deliveredAt,
    consumed,
    ...handedNow(vm, handing),
    ...servedNow(vm, handing),
  });
}

function handedNow(vm: VirtualMachine, { guest, plan, now }: Handing): Partial<Remembered> {
  const before = vm.status?.internal?.cloudInit?.deliveredDigests;
  if (!guest || !plan?.given) return {};
  const { given } = plan;
  // Objects of an earlier version, or of a key that is gone: changes are seen from here on.
  if (isNew(vm, guest) || !before || !isComparable(before, given)) return { deliveredDigests: given };
  return changedParts(before, given).length === 0 ? {} : anew({ ...plan, given }, guest, now);
}

function anew(
  plan: NonNullable<Handing['plan']> & { readonly given: Given },
  guest: Guest,
  now: number,
): Partial<Remembered> {
  const { mode, given: deliveredDigests, instance: instanceRevision } = plan;
  const deliveredAt = new Date(now).toISOString();
  // PVE's own drive does not tell when it was written: the last pass before it is takes the time down.
  if (mode === 'Native')
    return isHanded(plan, guest) ? { deliveredDigests } : plan.renews ? { deliveredAt } : {};
  return isHanded(plan, guest) ? { deliveredDigests, instanceRevision, deliveredAt } : {};
}

/** cloud-init reads the image in its first stage, long before an agent runs. */
function servedNow(vm: VirtualMachine, { guest, answered, now }: Handing): Partial<Remembered> {
  const handed = vm.status?.internal?.cloudInit;
  if (!guest || !answered || !bootedSince(handed, guest, now)) return {};
  return seedDrives(guest).some(({ volume }) => volume === handed?.volume) ? { consumed: true } : {};
}

/** There is work left on a guest that is otherwise at rest: its image can go. */
export const hasJustServed = (before: VirtualMachineStatus | undefined, now: VirtualMachineStatus): boolean =>
  now.internal?.cloudInit?.consumed === true &&
  now.internal.cloudInit.volume !== undefined &&
  before?.internal?.cloudInit?.consumed !== true;

interface Reported {
  readonly want: Desired;
  readonly have: Observed;
  readonly cloudInit: Handing['plan'];
  readonly agent: string;
  /** What the step of this pass did to an image. */
  readonly started:
    { readonly kind: string; readonly volume?: string; readonly node?: NodeName | undefined } | undefined;
}

export function reportCloudInit(
  vm: VirtualMachine,
  facts: Reported,
  guest: Guest | undefined,
): Handed | undefined {
  const { want, have, cloudInit: plan, agent } = facts;
  const before = vm.status?.internal?.cloudInit;
  const volume = volumeOf(facts);
  const mode = modeOf(before, plan);
  if (mode === undefined || (!want.exists && volume === undefined)) return undefined;
  const { consumed, ...rest } = remembered(vm, { guest, plan, answered: agent === 'running', now: have.now });
  return { mode, ...rest, ...imageOf(facts, before, { volume, consumed }) };
}

/** What it was made with, unless it is handed over anew. */
const modeOf = (before: Handed | undefined, plan: Reported['cloudInit']): Handed['mode'] | undefined =>
  plan?.renews === true && !plan.problem ? plan.mode : (before?.mode ?? plan?.mode);

function volumeOf({ started, have }: Reported): string | undefined {
  if (started?.kind === 'seedRecorded') return started.volume;
  return started?.kind === 'seedDeleted' ? undefined : have.seedVolume;
}

function imageOf(
  { started }: Reported,
  before: Handed | undefined,
  { volume, consumed }: Pick<Handed, 'volume' | 'consumed'>,
): Pick<Handed, 'volume' | 'node' | 'consumed'> {
  if (volume === undefined) return {};
  const node = started?.kind === 'seedRecorded' ? started.node : before?.node;
  // It is said of one image: the next one has yet to serve.
  return { volume, ...omitUndefined({ node, consumed: volume === before?.volume ? consumed : undefined }) };
}
