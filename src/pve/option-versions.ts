/**
 * Options of a guest that not every version of PVE from 7.0 on has. The API facts of 7.0, 7.2, 7.4, 8.0, 8.2, 8.4, 9.0
 * and 9.2 are the source, so an option may exist in a version between two of them already.
 */
import type { Lifetimes } from './endpoint.ts';

const eachDrive = (property: string, lifetime: Lifetimes[string], ...buses: readonly string[]): Lifetimes =>
  Object.fromEntries(buses.map((bus) => [`${bus}[n].${property}`, lifetime]));

const ALL_BUSES = ['ide', 'sata', 'scsi', 'virtio'];

export const OPTION_LIFETIMES: Lifetimes = {
  ...eachDrive('cyls', { until: '8.4' }, ...ALL_BUSES),
  ...eachDrive('heads', { until: '8.4' }, ...ALL_BUSES),
  ...eachDrive('secs', { until: '8.4' }, ...ALL_BUSES),
  ...eachDrive('trans', { until: '8.4' }, ...ALL_BUSES),
  ...eachDrive('import-from', { since: '7.2' }, ...ALL_BUSES),
  ...eachDrive('ro', { since: '7.2' }, 'scsi', 'virtio'),
  ...eachDrive('product', { since: '8.2' }, 'scsi'),
  ...eachDrive('vendor', { since: '8.2' }, 'scsi'),
  // An EFI disk of 7.0 is what `efitype=2m,pre-enrolled-keys=0` is later.
  'efidisk0.efitype': { since: '7.2', omissible: true },
  'efidisk0.pre-enrolled-keys': { since: '7.2', omissible: true },
  'efidisk0.import-from': { since: '7.2' },
  'efidisk0.ms-cert': { since: '9.2' },
  tpmstate0: { since: '7.2' },
  'tpmstate0.format': { since: '9.2' },
  'net[n].e1000e': { since: '7.2' },
  'net[n].host-tunnel': { since: '9.2' },
  'ostype=win11': { since: '7.2' },
  affinity: { since: '7.4' },
  'agent.freeze-fs-on-backup': { since: '7.4' },
  'agent.freeze-fs': { since: '9.2' },
  'agent.guest-fsfreeze': { since: '9.2' },
  // Before, the cloud-init drive always upgrades the packages at the first boot.
  ciupgrade: { since: '8.0', omissible: true },
  'usb[n].mapping': { since: '8.0' },
  'machine.type': { since: '8.2' },
  'machine.viommu': { since: '8.2' },
  'machine.enable-s3': { since: '8.4' },
  'machine.enable-s4': { since: '8.4' },
  'machine.aw-bits': { since: '9.2' },
  'memory.current': { since: '8.2' },
  'vga.clipboard': { since: '8.2' },
  'amd-sev': { since: '8.4' },
  'import-working-storage': { since: '8.4' },
  'virtiofs[n]': { since: '8.4' },
  'allow-ksm': { since: '9.2' },
  'intel-tdx': { since: '9.2' },
};
