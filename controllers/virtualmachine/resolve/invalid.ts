/** What of a spec is invalid whatever Proxmox VE has: found before a VMID is reserved. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { dataProblem } from '../cloud-init/validate.ts';
import type { Shape, Unresolved } from '../model/desired.ts';
import { windowAt } from '../restart/maintenance-window.ts';
import { restartSettings } from '../restart/resolve.ts';

/** As in DNS (RFC 1035), and in pve-common: verify_dns_name. */
const MAX_LABEL = 63;

/** @returns a problem for each part, of a VM that is still to be made */
export function invalidParts(
  vm: VirtualMachine,
  shape: Pick<Shape, 'owner' | 'nics' | 'cloudInit'> | undefined,
): readonly Unresolved[] {
  if (vm.status?.vmid !== undefined || vm.spec.adopt) return [];
  return [invalidHostName(vm), invalidWindow(vm), shape && invalidData(vm, shape)].filter(
    (problem) => problem !== undefined,
  );
}

const hostNameOf = ({ metadata, spec }: VirtualMachine): string => spec.guestName ?? metadata.name;

function invalidHostName(vm: VirtualMachine): Unresolved | undefined {
  const label = hostNameOf(vm)
    .split('.')
    .find(({ length }) => length > MAX_LABEL);
  return label === undefined
    ? undefined
    : {
        ok: false,
        reason: 'HostNameInvalid',
        message: `The host name of the VM is spec.guestName, or else the name of the object, and "${label}" in it has ${label.length} characters; a part of a host name between dots has at most ${MAX_LABEL}. Set a shorter spec.guestName.`,
      };
}

/** A window that never opens would only be noticed when a restart is due. */
function invalidWindow(vm: VirtualMachine): Unresolved | undefined {
  const window = restartSettings(vm)?.window;
  const now = window && windowAt(window, 0);
  return now?.state === 'impossible'
    ? { ok: false, reason: 'MaintenanceWindowInvalid', message: `${now.problem} Correct it.` }
    : undefined;
}

/** What one of the layouts of the image can express is judged once the template is known. */
const EVERY_LAYOUT = [{ citype: 'nocloud' }, { citype: 'configdrive2' }];

function invalidData(
  vm: VirtualMachine,
  shape: Pick<Shape, 'owner' | 'nics' | 'cloudInit'>,
): Unresolved | undefined {
  const problem = dataProblem({ ...shape, name: hostNameOf(vm) }, EVERY_LAYOUT);
  return problem && { ok: false, ...problem };
}
