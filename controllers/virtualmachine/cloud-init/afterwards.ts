/** What cloud-init still asks of a guest that was configured: its image goes, or new data comes. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { nonEmpty, onlyDifferent } from '../config/change.ts';
import { isNew } from '../config/is-new.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { ejections, isEjected } from './seed-drive.ts';

/** After everything else and by itself, so that an image that cannot be made holds nothing back. */
export function cloudInitAfterwards(
  vm: VirtualMachine,
  guest: Guest,
  { plan, now }: { readonly plan: CloudInitPlan | undefined; readonly now: number },
): ConfigChange | undefined {
  if (isNew(vm, guest)) return undefined;
  const ejection = nonEmpty(ejections(vm, guest, { plan, now }));
  return ejection ? { ...ejection, ejects: true } : handedAnew(vm, plan, guest);
}

function handedAnew(
  vm: VirtualMachine,
  plan: CloudInitPlan | undefined,
  guest: Guest,
): ConfigChange | undefined {
  if (plan?.renews !== true || plan.problem) return undefined;
  const former = vm.status?.internal?.cloudInit?.volume;
  if (former !== undefined && former !== plan.seed?.volume && !isEjected(former, guest)) return undefined;
  const change = nonEmpty(onlyDifferent(plan.keys, guest));
  return change && { ...change, ...(plan.seed && { seed: plan.seed }) };
}
