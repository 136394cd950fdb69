/** What the inventory shows of a PVE cluster. */
import type { GuestView, NodeView, StorageView, View } from '../../src/pve/index.ts';
import { bytes, GiB, nodeName, vmid } from '../../src/lib/units.ts';
import { NOW } from './guests.ts';

export const aNode = (name = 'pve-1', change: Partial<NodeView> = {}): NodeView => ({
  name: nodeName(name),
  online: true,
  cpus: 8,
  memory: bytes(64 * GiB),
  memoryUsed: bytes(16 * GiB),
  ...change,
});

export const aStorage = (
  storage = 'local-lvm',
  change: Partial<Omit<StorageView, 'node'>> & { readonly node?: string } = {},
): StorageView => ({
  storage,
  status: 'available',
  type: 'lvmthin',
  content: ['images', 'rootdir'],
  shared: false,
  total: bytes(500 * GiB),
  used: bytes(100 * GiB),
  ...change,
  node: nodeName(change.node ?? 'pve-1'),
});

export const isoStorage = (change: Parameters<typeof aStorage>[1] = {}, name = 'local'): StorageView =>
  aStorage(name, { type: 'dir', content: ['iso', 'vztmpl'], ...change });

/** Present on each node of the modelled cluster. */
export const onBothNodes = (storage: StorageView): StorageView[] =>
  ['pve-1', 'pve-2'].map((node) => ({ ...storage, node: nodeName(node) }));

export const aRow = (change: Partial<GuestView> = {}): GuestView => ({
  vmid: vmid(101),
  type: 'qemu',
  node: nodeName('pve-1'),
  name: 'web',
  status: 'running',
  template: false,
  lock: undefined,
  tags: [],
  maxcpu: 2,
  maxmem: bytes(2 * GiB),
  maxdisk: bytes(10 * GiB),
  uptime: 100,
  pool: undefined,
  hastate: undefined,
  ...change,
});

export const aTemplateRow = (change: Partial<GuestView> = {}): GuestView =>
  aRow({ vmid: vmid(9000), name: 'ubuntu-22-template', template: true, status: 'stopped', ...change });

export const aView = ({
  guests = [],
  ...change
}: Partial<Omit<View, 'guests'>> & { readonly guests?: readonly GuestView[] } = {}): View => ({
  takenAt: NOW,
  staleSince: undefined,
  clusterName: 'homelab',
  quorate: 'yes',
  nodes: [aNode()],
  storages: [aStorage(), isoStorage()],
  activeTasks: [],
  ...change,
  guests: new Map(guests.map((guest) => [guest.vmid, guest])),
});
