/** Firmware, SMBIOS UUID and guest agent as PVE's configuration keys. Pure. */
import { parseProperties, printProperties, property, withProperty } from '../../../src/pve/index.ts';
import { bytes, MiB, type Bytes } from '../../../src/lib/units.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Shape } from '../model/desired.ts';
import { unsetOptions } from './template-options.ts';
import { cpuAtCreation, cpuLater, memoryAtCreation, memoryLater, type CpuRoom } from './size.ts';

const DEFAULT_BIOS = 'seabios';

/** `q35` and `pc` match any of their versions; a version matches only itself. */
function sameMachine(desired: string, current: string | undefined): boolean {
  const type = property(parseProperties(current ?? 'pc'), 'type', 'type') ?? 'pc';
  if (desired === type) return true;
  const family = (name: string): string => (name === 'q35' || name.startsWith('pc-q35') ? 'q35' : 'pc');
  return (desired === 'q35' || desired === 'pc') && family(type) === desired;
}

function firmwareVolumes(
  { bios, tpm }: { readonly bios: string; readonly tpm: string | undefined },
  storage: string,
  config: GuestConfig,
): Keys['set'] {
  return {
    // Without an EFI disk the firmware loses its settings at every start, and each start task ends with a warning.
    ...(bios === 'ovmf' &&
      config['efidisk0'] === undefined && { efidisk0: `${storage}:1,efitype=4m,pre-enrolled-keys=0` }),
    ...(tpm !== undefined &&
      config['tpmstate0'] === undefined && { tpmstate0: `${storage}:1,version=${tpm}` }),
  };
}

function firmwareAtCreation(want: Shape, config: GuestConfig): Keys {
  const storage = rootDiskOf(config)?.storage;
  const bios = want.bios ?? config['bios'] ?? DEFAULT_BIOS;
  return {
    set: {
      ...(bios !== (config['bios'] ?? DEFAULT_BIOS) && { bios }),
      ...(want.machine !== undefined &&
        !sameMachine(want.machine, config['machine']) && { machine: want.machine }),
      ...(storage !== undefined && firmwareVolumes({ bios, tpm: want.tpm }, storage, config)),
    },
    delete: [],
  };
}

/** Differences in firmware, machine type and TPM, which are set only when a guest is created. */
export function firmwareDifferences(want: Shape, config: GuestConfig): string[] {
  const bios = config['bios'] ?? DEFAULT_BIOS;
  return [
    ...(want.bios !== undefined && want.bios !== bios
      ? [
          `The firmware is ${bios}, but the class asks for ${want.bios}. Firmware is set only when a VM is created: use a class that asks for none, or for that of the VM.`,
        ]
      : []),
    ...(want.machine !== undefined && !sameMachine(want.machine, config['machine'])
      ? [
          `The machine type is ${config['machine'] ?? 'pc'}, but the class asks for ${want.machine}. The machine type is set only when a VM is created: use a class that asks for none, or for that of the VM.`,
        ]
      : []),
    ...(want.tpm !== undefined && config['tpmstate0'] === undefined
      ? [`The VM has no TPM, but the class says ${want.tpm}. A TPM is added only when a VM is created.`]
      : []),
  ];
}

function agent(config: GuestConfig): Keys {
  const properties = parseProperties(config['agent'] ?? '');
  const enabled = property(properties, 'enabled', 'enabled');
  if (enabled === '1') return NO_KEYS;
  const others = properties.filter(({ key }) => key !== undefined && key !== 'enabled');
  return { set: { agent: printProperties([{ key: 'enabled', value: '1' }, ...others]) }, delete: [] };
}

/** The SMBIOS UUID becomes the uid of the guest's VirtualMachine, which proves from then on whose guest it is. */
const smbios = (uid: string, config: GuestConfig): Keys => ({
  set: { smbios1: printProperties(withProperty(parseProperties(config['smbios1'] ?? ''), 'uuid', uid)) },
  delete: [],
});

/** A guest's first configuration: replaces the template's identity by that of the VirtualMachine. */
export const hardwareAtCreation = (want: Shape, config: GuestConfig, room: CpuRoom): Keys =>
  mergeKeys(
    cpuAtCreation(want.cpus, room, config),
    memoryAtCreation(want, config),
    firmwareAtCreation(want, config),
    agent(config),
    smbios(want.owner.uid, config),
    unsetOptions(want.options, config),
  );

/** What differs on a configured guest. */
export const hardwareLater = (
  want: Shape,
  guest: Pick<Guest, 'config' | 'pending' | 'running'>,
  room: CpuRoom,
): Keys =>
  mergeKeys(
    cpuLater(want.cpus, guest, room),
    memoryBeyondNode(want, guest, room) === undefined ? memoryLater(want, guest) : NO_KEYS,
    needsAgent(want, guest.config) ? agent(guest.config) : NO_KEYS,
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
