/** Whether a VM exists in Proxmox VE and has been configured, as far as status says. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

export const isCreated = ({ status }: Pick<Readable<VirtualMachine>, 'status'>): boolean =>
  status?.vmid !== undefined && status.phase !== 'Pending' && status.phase !== 'Provisioning';
