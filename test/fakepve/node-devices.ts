import type { Guest } from './guest.ts';
import type { World } from './world.ts';

const device = /^(?:usb|hostpci|serial|parallel|virtiofs)\d+$/;

interface NodeDevice {
  readonly key: string;
  /** Absent: the device is named by its address on the node. */
  readonly mapping: string | undefined;
}

/** Devices of the node that the guest uses (qemu-server, check_local_resources). */
function devicesOf(guest: Guest): readonly NodeDevice[] {
  return [...guest.config].flatMap(([key, value]) => {
    const virtual = (key.startsWith('usb') && /^(?:host=)?spice\b/.test(value)) || value === 'socket';
    if (!device.test(key) || virtual) return [];
    const name = key.startsWith('virtiofs') ? /^(?:dirid=)?([^,]+)/ : /(?:^|,)mapping=([^,]+)/;
    return [{ key, mapping: name.exec(value)?.[1] }];
  });
}

export const localResources = (guest: Guest): readonly string[] => devicesOf(guest).map(({ key }) => key);

export const mappedResources = (guest: Guest): readonly string[] =>
  devicesOf(guest)
    .filter(({ mapping }) => mapping !== undefined)
    .map(({ key }) => key);

/** Devices whose mapping has nothing on that node. */
export const unmappedOn = ({ mappings }: World, guest: Guest, node: string): readonly string[] =>
  devicesOf(guest)
    .filter(({ mapping }) => mapping !== undefined && mappings.get(mapping)?.includes(node) !== true)
    .map(({ key }) => key);

/** Why the guest does not start where a mapping has nothing on its node (qemu-server, PVE::QemuServer::PCI and USB). */
export function missingMapping(world: World, guest: Guest): string | undefined {
  const [key = ''] = unmappedOn(world, guest, guest.node);
  const mapping = devicesOf(guest).find((each) => each.key === key)?.mapping;
  const kind = key.startsWith('usb') ? 'USB' : 'PCI';
  return mapping === undefined ? undefined : `${kind} device mapping not found for '${mapping}'`;
}
