/** Whether something in Proxmox VE has to be removed for an object. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

/** A VMID was reserved or an image uploaded, as far as status says; both are released last. */
export const mayHaveGuest = ({ status }: Pick<Readable<VirtualMachine>, 'status'>): boolean =>
  status?.vmid !== undefined || status?.internal?.cloudInit?.volume !== undefined;
