/** A VM that others are cloned from: its object, and its guest in Proxmox VE. */
import { describeSnapshot, printIdentity } from '../../controllers/shared/guests/snapshot-identity.ts';
import type { GuestConfig } from '../../controllers/shared/guests/model.ts';
import type { VirtualMachine, VMSnapshot } from '../../src/api/index.ts';
import { nodeName, vmid } from '../../src/lib/units.ts';
import { aMark, configOf } from './guests.ts';
import { aSnapshot, aVirtualMachine, SNAPSHOT_UID, type VirtualMachineChange } from './objects.ts';

export const SOURCE_UID = '7e1c5a80-3333-4e4e-8f8f-cccccccccccc';
export const SOURCE_VMID = 200;
/** As it is called in Proxmox VE. */
export const SNAPNAME = 'before-upgrade-1';

const mark = aMark({ name: 'db', uid: SOURCE_UID });

/** VirtualMachine `db`, which is complete. */
export const aSource = ({ metadata, spec, status }: VirtualMachineChange = {}): VirtualMachine =>
  aVirtualMachine({
    metadata: { name: 'db', uid: SOURCE_UID, ...metadata },
    ...(spec && { spec }),
    status: {
      vmid: vmid(SOURCE_VMID),
      name: 'db',
      node: nodeName('pve-1'),
      createdAt: '2026-01-01T00:00:00Z',
      cloneType: 'Linked',
      internal: { uuid: SOURCE_UID },
      ...status,
    },
  });

/** What its guest has that is its own, and that no copy may have. */
export const SOURCE_CONFIG: GuestConfig = {
  ...configOf(mark),
  smbios1: `uuid=${SOURCE_UID}`,
  vmgenid: 'f1e2d3c4-0000-4000-8000-000000000001',
  boot: 'order=scsi0',
  cores: '2',
  memory: '2048',
  tags: 'prod;db',
  onboot: '1',
  protection: '1',
  hookscript: 'local:snippets/db.pl',
  cicustom: 'user=local:snippets/db.yaml',
  ipconfig0: 'ip=192.0.2.10/24,gw=192.0.2.1',
  net0: 'virtio=02:00:00:00:00:10,bridge=vmbr0',
  scsi0: 'local-lvm:vm-200-disk-0,size=10G',
  scsi1: 'local-lvm:vm-200-disk-1,serial=data,size=5G',
  ide2: 'local:iso/virtrigaud-200-0123456789abcdef.iso,media=cdrom,size=366K',
};

const IDENTITY = printIdentity({
  cluster: mark.cluster,
  namespace: 'default',
  name: 'before-upgrade',
  uid: SNAPSHOT_UID,
});

export const SNAPSHOT_DESCRIPTION = describeSnapshot('', IDENTITY);

/** VMSnapshot `before-upgrade` of it, which is ready to use. */
export const aSourceSnapshot = (status: Partial<NonNullable<VMSnapshot['status']>> = {}): VMSnapshot =>
  aSnapshot({
    spec: { vmRef: { name: 'db' } },
    status: { readyToUse: true, snapshotName: SNAPNAME, internal: { vmUID: SOURCE_UID }, ...status },
  });
