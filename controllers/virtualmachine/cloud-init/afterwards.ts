/** Changes of cloud-init data on a configured guest: ejecting a consumed image, or delivering new data. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { onlyDifferent } from '../config/change.ts';
import { isNew } from '../config/is-new.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { ConfigChange } from '../model/config.ts';
import { nonEmpty, type Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { EMPTY, ejections, isEjected, type EjectionFacts } from './seed-drive.ts';

/** Separate from all other changes and last, so that an image that cannot be created does not block them. */
export function cloudInitChange(
  vm: VirtualMachine,
  guest: Guest,
  facts: EjectionFacts,
): ConfigChange | undefined {
  if (isNew(vm, guest)) return undefined;
  return ejectionOf(vm, guest, facts) ?? redelivery(vm, facts.plan, guest);
}

/** Nothing of the spec: a guest that keeps a restored state needs it, too. */
export function ejectionOf(vm: VirtualMachine, guest: Guest, facts: EjectionFacts): ConfigChange | undefined {
  const ejection = nonEmpty(ejections(vm, guest, facts));
  return ejection && { ...ejection, ejects: true };
}

function redelivery(
  vm: VirtualMachine,
  plan: CloudInitPlan | undefined,
  guest: Guest,
): ConfigChange | undefined {
  if (plan?.renews !== true || plan.problem) return undefined;
  if (hasFormerImage(vm, plan, guest)) return undefined;
  const change = nonEmpty(onlyDifferent(emptyFirst(plan, guest) ?? plan.keys, guest));
  return change && { ...change, ...(plan.seed && { seed: plan.seed }) };
}

/**
 * An image put over PVE's own drive of a running guest leaves that drive's volume in no configuration, and the next
 * guest with this VMID could not be created. PVE frees the volume only where the drive is emptied (qemu-server,
 * vmconfig_update_disk). A guest that is off may be started at any time.
 */
function emptyFirst({ mode, device }: CloudInitPlan, { config }: Guest): Keys | undefined {
  if (mode !== 'Image' || device === undefined || !parseDisk(config[device] ?? '').cloudInit)
    return undefined;
  return { set: { [device]: EMPTY }, delete: [] };
}

/** An earlier image is still in its drive. */
function hasFormerImage({ status }: VirtualMachine, { seed }: CloudInitPlan, guest: Guest): boolean {
  const former = status?.internal?.cloudInit?.volume;
  return former !== undefined && former !== seed?.volume && !isEjected(former, guest);
}
