/** CPUs, memory, firmware, devices, SMBIOS UUID and guest agent as PVE's configuration keys. Pure. */
import { parseProperties, printProperties, property, withProperty } from '../../../src/pve/index.ts';
import { bytes, MiB, type Bytes } from '../../../src/lib/units.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Shape } from '../model/desired.ts';
import { deviceKeys } from './devices.ts';
import { firmwareAtCreation } from './firmware.ts';
import { hardwareOptionKeys, restrictedKeys } from './hardware-options.ts';
import { unsetOptions } from './template-options.ts';
import { cpuAtCreation, cpuLater, memoryAtCreation, memoryLater, type CpuRoom } from './size.ts';

const TRIM = 'fstrim_cloned_disks';

/** @param enables - otherwise it stays enabled or not, as it is */
function agent({ guestAgent }: Pick<Shape, 'guestAgent'>, config: GuestConfig, enables: boolean): Keys {
  const properties = parseProperties(config['agent'] ?? '');
  const now = property(properties, 'enabled', 'enabled') ?? '0';
  const enabled = enables ? '1' : now;
  const trims = property(properties, TRIM) === '1';
  const { fstrimClonedDisks = trims } = guestAgent ?? {};
  if (now === enabled && fstrimClonedDisks === trims) return NO_KEYS;
  const others = properties.filter(({ key }) => key !== undefined && key !== 'enabled');
  const next =
    fstrimClonedDisks === trims ? others : withProperty(others, TRIM, fstrimClonedDisks ? '1' : undefined);
  return { set: { agent: printProperties([{ key: 'enabled', value: enabled }, ...next]) }, delete: [] };
}

/** The SMBIOS UUID becomes the uid of the guest's VirtualMachine, which proves from then on whose guest it is. */
const smbios = (uid: string, config: GuestConfig): Keys => ({
  set: { smbios1: printProperties(withProperty(parseProperties(config['smbios1'] ?? ''), 'uuid', uid)) },
  delete: [],
});

/** A guest's first configuration: replaces the template's identity by that of the VirtualMachine. */
export const hardwareAtCreation = (want: Shape, config: GuestConfig, room: CpuRoom): Keys =>
  mergeKeys(
    cpuAtCreation(topologyOf(want), room, config),
    memoryAtCreation(want, config),
    firmwareAtCreation(want, config),
    want.hardware ? hardwareOptionKeys(want.hardware, config) : NO_KEYS,
    agent(want, config, true),
    smbios(want.owner.uid, config),
    unsetOptions(want.options, config),
  );

const topologyOf = ({ cpus, hardware }: Shape) => ({ cpus, sockets: hardware?.sockets });

/** What differs on a configured guest. */
export const hardwareLater = (
  want: Shape,
  guest: Pick<Guest, 'config' | 'pending' | 'running'>,
  room: CpuRoom,
): Keys =>
  mergeKeys(
    cpuLater(topologyOf(want), guest, room),
    memoryBeyondNode(want, guest, room) === undefined ? memoryLater(want, guest) : NO_KEYS,
    agent(want, guest.config, needsAgent(want, guest.config)),
    want.hardware ? hardwareOptionKeys(want.hardware, guest.config) : NO_KEYS,
    want.hardware ? restrictedKeys(want.hardware, guest.config) : NO_KEYS,
    want.devices ? deviceKeys(want.devices, guest.config) : NO_KEYS,
  );

/** The memory that the guest would get although its node has less: PVE accepts it, and then the guest does not start. */
export function memoryBeyondNode(
  want: Shape,
  guest: Pick<Guest, 'config' | 'pending' | 'running'>,
  { nodeMemory = bytes(Infinity) }: Pick<CpuRoom, 'nodeMemory'>,
): Bytes | undefined {
  const memory = Number(memoryLater(want, guest).set['memory'] ?? 0) * MiB;
  return memory > nodeMemory ? bytes(memory) : undefined;
}

/** The spec does not speak of the agent, so an adopted guest keeps what it has unless a hook is run by the agent. */
const needsAgent = ({ owner, hooks }: Shape, config: GuestConfig): boolean =>
  smbiosUuidOf(config) === owner.uid || hooks !== undefined;
