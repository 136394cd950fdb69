/** The cloud-init status: which data was delivered, and whether the guest consumed it. Pure. */
import type { VirtualMachine, VirtualMachineInternal, VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { changedParts, isComparable } from './delivered-digests.ts';
import { isDelivered } from './plan.ts';
import type { CloudInitPlan, DeliveredDigests } from '../model/cloud-init.ts';
import { isNew } from '../config/is-new.ts';
import { isWindows } from './layout.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Desired } from '../model/desired.ts';
import { hasBootedSince, isImageBack, seedDrives } from './seed-drive.ts';

type CloudInitStatus = NonNullable<VirtualMachineInternal['cloudInit']>;
export type DeliveryStatus = Pick<
  CloudInitStatus,
  'deliveredDigests' | 'instanceRevision' | 'deliveredAt' | 'consumed' | 'keptBy'
>;

export interface DeliveryInputs {
  readonly guest: Guest | undefined;
  /** Absent if a Secret is missing. */
  readonly plan: Omit<CloudInitPlan, 'build'> | undefined;
  /** The guest agent answered in this pass. */
  readonly answered: boolean;
  /** Epoch ms. */
  readonly now: number;
}

/** Derived from the observed guest rather than from the steps, so that a lost status write does not matter. */
export function deliveryStatus(vm: VirtualMachine, inputs: DeliveryInputs): DeliveryStatus {
  const before = vm.status?.internal?.cloudInit;
  const { deliveredDigests, instanceRevision, deliveredAt, consumed, keptBy } = before ?? {};
  const { guest } = inputs;
  // From this boot on the image is as it was before it was ejected.
  const isReadAgain = guest?.running === true && isImageBack(before, guest);
  return omitUndefined({
    deliveredDigests,
    instanceRevision,
    deliveredAt,
    ...(!isReadAgain && { consumed, keptBy }),
    ...deliveredNow(vm, inputs),
    ...consumedNow(vm, inputs),
  });
}

function deliveredNow(vm: VirtualMachine, { guest, plan, now }: DeliveryInputs): Partial<DeliveryStatus> {
  const before = vm.status?.internal?.cloudInit?.deliveredDigests;
  if (!guest || !plan?.digests) return {};
  const { digests } = plan;
  // Without comparable digests, changes are detected from now on.
  if (isNew(vm, guest) || !before || !isComparable(before, digests)) return { deliveredDigests: digests };
  return changedParts(before, digests).length === 0 ? {} : redelivered({ ...plan, digests }, guest, now);
}

function redelivered(
  plan: NonNullable<DeliveryInputs['plan']> & { readonly digests: DeliveredDigests },
  guest: Guest,
  now: number,
): Partial<DeliveryStatus> {
  const { mode, digests: deliveredDigests, instance: instanceRevision } = plan;
  const deliveredAt = new Date(now).toISOString();
  // PVE's drive has no time of writing: the last pass before the write records the time.
  if (mode === 'Native')
    return isDelivered(plan, guest) ? { deliveredDigests } : plan.renews ? { deliveredAt } : {};
  return isDelivered(plan, guest) ? { deliveredDigests, instanceRevision, deliveredAt } : {};
}

/**
 * cloud-init reads the image in its first stage, long before an agent runs. In Windows the agent is a service that starts
 * beside cloudbase-init, and already while Windows sets itself up, after which it restarts and cloudbase-init reads again.
 */
function consumedNow(vm: VirtualMachine, { guest, answered, now }: DeliveryInputs): Partial<DeliveryStatus> {
  const delivered = vm.status?.internal?.cloudInit;
  if (!guest || !answered || !hasBootedSince(delivered, guest, now)) return {};
  if (isWindows(guest.config)) return {};
  return seedDrives(guest).some(({ volume }) => volume === delivered?.volume) ? { consumed: true } : {};
}

/** Whether a settled guest has work left: its image can be ejected. */
export const hasJustConsumed = (
  before: VirtualMachineStatus | undefined,
  now: VirtualMachineStatus,
): boolean =>
  now.internal?.cloudInit?.consumed === true &&
  now.internal.cloudInit.volume !== undefined &&
  (before?.internal?.cloudInit?.consumed !== true || isBackAgain(before, now));

/** It was read once more, after a rollback. */
const isBackAgain = (before: VirtualMachineStatus, now: VirtualMachineStatus): boolean =>
  before.internal?.cloudInit?.keptBy !== undefined && now.internal?.cloudInit?.keptBy === undefined;

interface Reported {
  readonly want: Desired;
  readonly have: Observed;
  readonly cloudInit: DeliveryInputs['plan'];
  readonly agent: string;
  /** The step of this pass on an image. */
  readonly started:
    | {
        readonly kind: string;
        readonly volume?: string;
        readonly node?: NodeName | undefined;
        readonly snapshot?: string;
      }
    | undefined;
}

export function reportCloudInit(
  vm: VirtualMachine,
  facts: Reported,
  guest: Guest | undefined,
): CloudInitStatus | undefined {
  const { want, have, cloudInit: plan, agent } = facts;
  const before = vm.status?.internal?.cloudInit;
  const volume = volumeOf(facts);
  const mode = modeOf(before, plan);
  if (mode === undefined || (!want.exists && volume === undefined)) return undefined;
  const { consumed, keptBy, ...rest } = deliveryStatus(vm, {
    guest,
    plan,
    answered: agent === 'running' || agent === 'refused',
    now: have.now,
  });
  const device = plan?.device ?? before?.device;
  return {
    mode,
    ...omitUndefined({ device }),
    ...rest,
    ...imageOf(facts, before, { volume, consumed, keptBy }),
  };
}

/** Options of the template: recorded before they are deleted, because the guest does not show them afterwards. */
export function templateOptions(
  vm: VirtualMachine,
  plan: Reported['cloudInit'],
  guest: Guest | undefined,
): Pick<VirtualMachineInternal, 'template'> {
  const before = vm.status?.internal?.template;
  const { inherited, renews = false } = plan ?? {};
  if (!guest || !inherited || !(renews || isNew(vm, guest))) return omitUndefined({ template: before });
  const dropped = [...new Set([...(before?.dropped ?? []), ...inherited.dropped])];
  const template = omitUndefined({ kept: unlessEmpty(inherited.kept), dropped: unlessEmpty(dropped) });
  return Object.keys(template).length > 0 ? { template } : {};
}

const unlessEmpty = (names: readonly string[]): string[] | undefined =>
  names.length > 0 ? [...names] : undefined;

/** The mode of the delivered data, or that of the plan if the data is delivered again. */
const modeOf = (
  before: CloudInitStatus | undefined,
  plan: Reported['cloudInit'],
): CloudInitStatus['mode'] | undefined =>
  plan?.renews === true && !plan.problem ? plan.mode : (before?.mode ?? plan?.mode);

function volumeOf({ started, have }: Reported): string | undefined {
  if (started?.kind === 'seedRecorded') return started.volume;
  return started?.kind === 'seedDeleted' ? undefined : have.seedVolume;
}

function imageOf(
  { started }: Reported,
  before: CloudInitStatus | undefined,
  { volume, consumed, keptBy }: Pick<CloudInitStatus, 'volume' | 'consumed' | 'keptBy'>,
): Pick<CloudInitStatus, 'volume' | 'node' | 'consumed' | 'keptBy'> {
  if (volume === undefined) return {};
  const node = started?.kind === 'seedRecorded' ? started.node : before?.node;
  // They apply to one image: the next one has not been consumed.
  const ofThis =
    volume === before?.volume
      ? { consumed, keptBy: started?.kind === 'seedKept' ? started.snapshot : keptBy }
      : {};
  return { volume, ...omitUndefined({ node, ...ofThis }) };
}
