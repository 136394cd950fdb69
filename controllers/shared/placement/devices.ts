/** Devices of a node that a template passes to its clones. Pure. */
import { parseProperties, property } from '../../../src/pve/index.ts';
import type { GuestConfig } from '../guests/model.ts';

export interface NodeDevices {
  /** Named by their address on the node: PVE does not move a guest with them (qemu-server, check_local_resources). */
  readonly local: readonly string[];
  /** Named by a resource mapping, which each node has or not. */
  readonly mapped: readonly string[];
}

const ADDRESSED = /^(usb|hostpci|serial|parallel)\d+$/;
const MAPPED = /^virtiofs\d+$/;

const isMapped = (key: string, value: string): boolean =>
  MAPPED.test(key) || property(parseProperties(value), 'mapping') !== undefined;

/** Devices that QEMU makes itself: USB redirection of SPICE, and serial ports as sockets. */
const isVirtual = (key: string, value: string): boolean =>
  (key.startsWith('usb') && property(parseProperties(value), 'host', 'host') === 'spice') ||
  (key.startsWith('serial') && value === 'socket');

export function nodeDevicesOf(config: GuestConfig): NodeDevices {
  const devices = Object.entries(config).filter(
    ([key, value]) =>
      key === 'ivshmem' || ((ADDRESSED.test(key) || MAPPED.test(key)) && !isVirtual(key, value)),
  );
  const names = (mapped: boolean): readonly string[] =>
    devices.filter(([key, value]) => isMapped(key, value) === mapped).map(([key]) => key);
  return { local: names(false), mapped: names(true) };
}
