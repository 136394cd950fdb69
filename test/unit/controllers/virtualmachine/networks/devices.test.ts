import { describe, expect, test } from '@jest/globals';
import { devicesOf } from '../../../../../controllers/virtualmachine/networks/devices.ts';
import { derivedMac } from '../../../../../controllers/virtualmachine/networks/nics.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { aDesiredVm } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';

const FOREIGN = '02:00:00:00:00:99';
const nic = (mac: string) => `virtio=${mac},bridge=vmbr9`;
const MADE: VirtualMachineStatus = {
  createdAt: '2026-03-01T12:00:00Z',
  networks: [{ name: 'lan', device: 'net0', mac: '02:00:00:00:00:01' }],
};

const deviceOf = (
  config: GuestConfig,
  { status = MADE, mac }: { status?: VirtualMachineStatus; mac?: string } = {},
) =>
  devicesOf(
    aVirtualMachine({ status }),
    aDesiredVm({
      nics: [
        { name: 'lan', bridge: 'vmbr0' },
        { name: 'dmz', bridge: 'vmbr1', ...(mac !== undefined && { mac }) },
      ],
    }),
    { net0: nic('02:00:00:00:00:01'), ...config },
  ).get('dmz');

describe('a network that is added to a VM', () => {
  test('takes the lowest free device', () => {
    expect(deviceOf({})).toBe('net1');
  });

  test('does not take the NIC that was added in Proxmox VE', () => {
    expect(deviceOf({ net1: nic(FOREIGN) })).toBe('net2');
  });

  test('keeps the device that it was just written to, before status has it', () => {
    const written = { net1: nic(FOREIGN), net2: nic(derivedMac(UID, 'net2')) };
    expect(deviceOf(written)).toBe('net2');
    expect(deviceOf({ net1: nic(derivedMac(UID, 'net1')) })).toBe('net1');
  });

  test('takes the NIC with its MAC address', () => {
    expect(deviceOf({ net1: nic(FOREIGN) }, { mac: FOREIGN.toLowerCase() })).toBe('net1');
  });

  test('takes the NICs of the template, or of an adopted VM, in order', () => {
    expect(deviceOf({ net1: nic(FOREIGN) }, { status: {} })).toBe('net1');
    expect(deviceOf({ net1: nic(FOREIGN) }, { status: { createdAt: MADE.createdAt, networks: [] } })).toBe(
      'net1',
    );
  });
});
