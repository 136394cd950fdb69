/** The resource mappings whose devices the VMs of a Provider use, as privileges that the credentials need. Pure. */
import type { Provider, VirtualMachine, VMClass } from '../../src/api/index.ts';
import type { Need } from '../../src/pve/index.ts';
import type { ObjectReader, Readable } from '../../src/runtime/controller.ts';
import { grantOf, type Grant } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';

type Devices = NonNullable<VirtualMachine['spec']['devices']>;

interface Ports {
  readonly classes: ObjectReader<VMClass>;
  readonly namespaces: Namespaces;
}

/**
 * By name. Only what the VMs may use of the Provider: otherwise anyone who can name it could have its
 * administrator grant something.
 */
export function mappingNeeds(
  provider: Readable<Provider>,
  vms: readonly Readable<VirtualMachine>[],
  { classes, namespaces }: Ports,
): readonly Need[] {
  const grants = new Map<string, Grant | undefined>();
  const paths = new Set<string>();
  for (const vm of vms) {
    const devices = devicesOf(vm, classes);
    if (devices.length === 0) continue;
    const { namespace } = vm.metadata;
    if (!grants.has(namespace)) grants.set(namespace, grantOf(provider, namespace, namespaces));
    const allowed = grants.get(namespace)?.devices ?? [];
    for (const device of devices)
      if (allowed === 'all' || allowed.includes(mappingOf(device))) paths.add(pathOf(device));
  }
  return [...paths]
    .toSorted()
    .map((path) => ({ path, anyOf: ['Mapping.Use'], since: 8, feature: 'devices' }));
}

function devicesOf({ metadata, spec }: Readable<VirtualMachine>, classes: ObjectReader<VMClass>): Devices {
  if (spec.devices) return spec.devices;
  const { classRef } = spec;
  const vmClass = classRef && classes.get(classRef.namespace ?? metadata.namespace, classRef.name);
  return vmClass?.spec.devices ?? [];
}

const mappingOf = ({ pciMapping, usbMapping }: Devices[number]): string => pciMapping ?? usbMapping ?? '';

const pathOf = (device: Devices[number]): string =>
  `/mapping/${device.pciMapping === undefined ? 'usb' : 'pci'}/${mappingOf(device)}`;
