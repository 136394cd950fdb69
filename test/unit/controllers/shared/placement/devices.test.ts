import { expect, test } from '@jest/globals';
import { nodeDevicesOf } from '../../../../../controllers/shared/placement/devices.ts';

test.each([
  ['hostpci0', '0000:01:00.0,pcie=1', 'local'],
  ['hostpci0', 'mapping=gpu,pcie=1', 'mapped'],
  ['usb1', 'host=1234:5678', 'local'],
  ['usb1', '1-2', 'local'],
  ['usb1', 'mapping=key,usb3=1', 'mapped'],
  ['usb0', 'spice,usb3=1', 'none'],
  ['usb0', 'host=spice', 'none'],
  ['serial0', 'socket', 'none'],
  ['serial0', '/dev/ttyS0', 'local'],
  ['parallel0', '/dev/parport0', 'local'],
  ['virtiofs0', 'dirid=share,cache=auto', 'mapped'],
  ['ivshmem', 'size=32', 'local'],
  ['scsi0', 'local-lvm:vm-101-disk-0,size=10G', 'none'],
  ['net0', 'virtio=BC:24:11:00:00:01,bridge=vmbr0', 'none'],
] as const)('%s=%s is a device of the node: %s', (key, value, kind) => {
  const none = { local: [], mapped: [] };
  expect(nodeDevicesOf({ [key]: value })).toEqual(kind === 'none' ? none : { ...none, [kind]: [key] });
});
