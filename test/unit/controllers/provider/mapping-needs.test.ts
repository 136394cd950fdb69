/** Which resource mappings the VMs of a Provider need. */
import { expect, test } from '@jest/globals';
import { mappingNeeds } from '../../../../controllers/provider/mapping-needs.ts';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';
import { aClass, aProvider, aVirtualMachine, readerOf } from '../../../builders/objects.ts';
import type { Readable } from '../../../../src/runtime/controller.ts';
import type { Provider, VirtualMachine } from '../../../../src/api/index.ts';

type Devices = VirtualMachine['spec']['devices'];

const vm = (devices: Devices, namespace = 'default') =>
  aVirtualMachine({ metadata: { namespace }, spec: { devices } });

const paths = (
  vms: readonly VirtualMachine[],
  { provider = aProvider(), classDevices }: { provider?: Provider; classDevices?: Devices } = {},
): readonly string[] =>
  mappingNeeds(provider as Readable<Provider>, vms as readonly Readable<VirtualMachine>[], {
    classes: readerOf(aClass({ devices: classDevices })),
    namespaces: NO_NAMESPACES,
  }).map(({ path }) => path);

test('VMs without devices need none', () => expect(paths([vm(undefined), vm([])])).toEqual([]));

test('each mapping is needed once, by its kind', () => {
  const gpu = { pciMapping: 'gpu' };
  expect(paths([vm([gpu, { usbMapping: 'dongle' }]), vm([gpu])])).toEqual([
    '/mapping/pci/gpu',
    '/mapping/usb/dongle',
  ]);
});

test('the devices of the class are needed, unless the VM has its own', () => {
  const classDevices = [{ pciMapping: 'gpu' }];
  expect(paths([vm(undefined)], { classDevices })).toEqual(['/mapping/pci/gpu']);
  expect(paths([vm([])], { classDevices })).toEqual([]);
});

test('what a namespace may not use, nobody is asked to grant', () => {
  const provider = aProvider(
    { grants: [{ namespaces: { names: ['team-a'] }, devices: ['gpu'] }] },
    { namespace: 'infra' },
  );
  const wanted = [{ pciMapping: 'gpu' }, { pciMapping: 'other' }];
  expect(paths([vm(wanted, 'team-a')], { provider })).toEqual(['/mapping/pci/gpu']);
  expect(paths([vm(wanted, 'team-b')], { provider })).toEqual([]);
});

test('all that are in use are needed, however many', () => {
  const names = Array.from({ length: 20 }, (_, index) => ({ pciMapping: `gpu-${index}` }));
  expect(paths([vm(names.slice(0, 10)), vm(names.slice(10))])).toHaveLength(20);
});
