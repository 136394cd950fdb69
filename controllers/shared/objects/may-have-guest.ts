/** Whether something in Proxmox VE has to be removed for an object. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';

/** A VMID was reserved or an image uploaded, as far as status says; both are released last. */
export const mayHaveGuest = ({ status }: Pick<VirtualMachine, 'status'>): boolean =>
  status?.vmid !== undefined || status?.internal?.cloudInit?.volume !== undefined;
