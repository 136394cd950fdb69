/** Devices of nodes that VMs use, by resource mappings. */
import { z } from 'zod';
import { list, rule, word } from './schema.ts';

export const mappingName = word(
  /^[A-Za-z][A-Za-z0-9_-]+$/,
  100,
  'must be the name of a resource mapping in Proxmox VE, for example gpu',
);

const fields = z.object({
  pciMapping: mappingName
    .optional()
    .describe(
      'Resource mapping of a PCI device, such as a GPU. It is added and removed with a restart of the VM.',
    ),
  usbMapping: mappingName
    .optional()
    .describe(
      'Resource mapping of a USB device. It is added while the VM runs if its osType is l26 or that of Windows 8 or newer, and removed with a restart.',
    ),
  pcie: z
    .boolean()
    .optional()
    .describe(
      'Whether the PCI device is on PCI Express, which needs the machine type q35; absent: unchanged.',
    ),
  primaryGPU: z
    .boolean()
    .optional()
    .describe('Whether the PCI device is the graphics card that the firmware uses; absent: unchanged.'),
  usb3: z.boolean().optional().describe('Whether the USB device is on a USB 3 port; absent: unchanged.'),
});

const device = rule(
  rule(fields, {
    cel: 'has(self.pciMapping) != has(self.usbMapping)',
    message: 'must have exactly one of pciMapping and usbMapping',
    holds: ({ pciMapping, usbMapping }) => (pciMapping === undefined) !== (usbMapping === undefined),
  }),
  {
    cel: 'has(self.pciMapping) ? !has(self.usb3) : !has(self.pcie) && !has(self.primaryGPU)',
    message: 'must have pcie and primaryGPU only with pciMapping, and usb3 only with usbMapping',
    holds: ({ pciMapping, pcie, primaryGPU, usb3 }) =>
      pciMapping === undefined ? pcie === undefined && primaryGPU === undefined : usb3 === undefined,
  },
);

/** PVE has sixteen slots for PCI devices and fourteen for USB. */
export const devices = list(device, 16);
