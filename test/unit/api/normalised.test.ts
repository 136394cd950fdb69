import { describe, expect, test } from '@jest/globals';
import { Provider, VirtualMachine, VMClass, VMImage } from '../../../src/api/index.ts';

const refs = { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } };

describe('what a spec is once it has passed the door', () => {
  test.each([
    ['On', 'On'],
    [true, 'On'],
    ['Off', 'Off'],
    [false, 'Off'],
    ['OffGraceful', 'OffGraceful'],
  ])('powerState %j is %s', (written, meant) => {
    expect(VirtualMachine.spec.parse({ ...refs, powerState: written }).powerState).toBe(meant);
  });

  test('an absent powerState stays absent: what it means is the controller’s to say', () => {
    expect(VirtualMachine.spec.parse(refs)).toEqual(refs);
  });

  test.each([
    ['9000', { vmid: 9000 }],
    [9000, { vmid: 9000 }],
    ['ubuntu-22-template', { name: 'ubuntu-22-template' }],
    ['9000-ubuntu', { name: '9000-ubuntu' }],
  ])('the source %j is %j', (written, meant) => {
    expect(VMImage.spec.parse({ source: written }).source).toEqual(meant);
  });

  test('quantities are bytes, time spans milliseconds', () => {
    expect(VMClass.spec.parse({ cpus: 2, memory: '4Gi' }).memory).toBe(4 * 1024 ** 3);
    const vm = VirtualMachine.spec.parse({
      ...refs,
      disks: [{ name: 'root', size: 42_949_672_960 }],
      lifecycle: { gracefulShutdownTimeout: '1m30s' },
    });
    expect(vm.disks?.[0]?.size).toBe(40 * 1024 ** 3);
    expect(vm.lifecycle?.gracefulShutdownTimeout).toBe(90_000);
  });

  test.each([
    'https://pve.example.com:8006',
    'https://pve.example.com:8006/',
    'https://pve.example.com:8006/api2',
    'https://pve.example.com:8006/api2/json/',
    'https://192.168.1.100:8006/api2',
    'https://[fd00::1]:8006/api2',
    'https://pve',
    'https://pve:65535',
  ])('the endpoint %s is taken', (endpoint) => {
    expect(Provider.spec.safeParse({ type: 'proxmox', endpoint }).success).toBe(true);
  });

  test('a quantity that is none is refused with a sentence that says how to write it', () => {
    const { error } = VMClass.spec.safeParse({ cpus: 2, memory: '4 GB' });
    expect(error?.issues.map(({ message }) => message)).toEqual([
      '"4 GB" is not a quantity: use a number with a unit, for example 4Gi or 512Mi, without a space',
    ]);
  });

  test('text is counted in characters, as Kubernetes counts them', () => {
    const inline = '🐧'.repeat(262_144);
    const userData = { cloudInit: { inline } };
    expect(VirtualMachine.spec.safeParse({ ...refs, userData }).success).toBe(true);
  });
});
