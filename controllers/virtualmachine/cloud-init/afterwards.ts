/** Changes of cloud-init data on a configured guest: ejecting a consumed image, or delivering new data. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { nonEmpty, onlyDifferent } from '../config/change.ts';
import { isNew } from '../config/is-new.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { ejections, isEjected } from './seed-drive.ts';

/** Separate from all other changes and last, so that an image that cannot be created does not block them. */
export function cloudInitChange(
  vm: VirtualMachine,
  guest: Guest,
  { plan, now }: { readonly plan: CloudInitPlan | undefined; readonly now: number },
): ConfigChange | undefined {
  if (isNew(vm, guest)) return undefined;
  const ejection = nonEmpty(ejections(vm, guest, { plan, now }));
  return ejection ? { ...ejection, ejects: true } : redelivery(vm, plan, guest);
}

function redelivery(
  vm: VirtualMachine,
  plan: CloudInitPlan | undefined,
  guest: Guest,
): ConfigChange | undefined {
  if (plan?.renews !== true || plan.problem) return undefined;
  if (hasFormerImage(vm, plan, guest)) return undefined;
  const change = nonEmpty(onlyDifferent(plan.keys, guest));
  return change && { ...change, ...(plan.seed && { seed: plan.seed }) };
}

/** An earlier image is still in its drive. */
function hasFormerImage({ status }: VirtualMachine, { seed }: CloudInitPlan, guest: Guest): boolean {
  const former = status?.internal?.cloudInit?.volume;
  return former !== undefined && former !== seed?.volume && !isEjected(former, guest);
}
