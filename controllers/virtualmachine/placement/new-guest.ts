/** The settings with which a guest without a template is made: everything that does not need the guest first. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { bytes, GiB } from '../../../src/lib/units.ts';
import type { NewCreation } from '../../shared/placement/model.ts';
import type { CpuRoom } from '../model/surroundings.ts';
import { describeGuest } from '../../shared/guests/owner-mark.ts';
import { limitedTo, mergeKeys, type Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { hasData, isAsked } from '../cloud-init/is-asked.ts';
import { bootKeys } from '../cdroms/boot.ts';
import { cdromKeys } from '../cdroms/drives.ts';
import { cpuTypeKeys } from '../config/cpu-type.ts';
import { hardwareAtCreation } from '../config/hardware.ts';
import { optionKeys } from '../config/options.ts';
import { knownHardware, knownKeys } from '../config/versions.ts';
import { newRootText } from '../disks/drive.ts';
import { supportedOptions } from '../disks/support.ts';
import type { Desired } from '../model/desired.ts';
import { devicesOf } from '../networks/devices.ts';
import { nicChanges } from '../networks/nics.ts';
import { recordedSettings } from '../networks/settings.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** What PVE's own interface proposes for a system that it does not know. */
export const NEW_OSTYPE = 'l26';

/** Of the disk root. */
export const newRootDevice = ({ root }: Pick<Wanted, 'root'>): string => `${root?.bus ?? 'scsi'}0`;

/** What the first configuration of the guest sets last, or must not find. */
const LATER = ['smbios1', 'protection'];

interface Site {
  readonly room: CpuRoom;
  readonly release: string | undefined;
  /** Of the storage of the boot disk. */
  readonly storageType: string | undefined;
}

/**
 * With the UUID of the object the guest counts as configured. One that is to get cloud-init data gets both by its first
 * configuration, as a clone does.
 */
export function newGuestSettings(
  vm: VirtualMachine,
  wanted: Wanted,
  { rootStorage }: NewCreation,
  { room, release, storageType }: Site,
): Keys['set'] {
  const want = knownHardware(wanted, release);
  const device = newRootDevice(want);
  const bare: GuestConfig = {
    scsihw: want.scsiController ?? 'virtio-scsi-single',
    ostype: want.osType ?? NEW_OSTYPE,
  };
  const { options } = supportedOptions(want.root?.options ?? {}, { device, text: '' }, bare);
  // The schema requires it.
  const disk = { size: want.rootDisk ?? bytes(GiB), options, provisioning: want.provisioning };
  const config = { ...bare, [device]: newRootText(disk, rootStorage, storageType) };
  const drives = { config, pending: [] };
  const nics = nicKeys(vm, want);
  const cdroms = cdromKeys(vm, want, drives);
  const keys = mergeKeys(
    { set: config, delete: [] },
    hardwareAtCreation(want, config, room),
    cpuTypeKeys(want.cpuType, config),
    optionKeys(want, config),
    {
      set: { name: want.name, description: describeGuest(want.owner, want.options?.description) },
      delete: [],
    },
    nics,
    cdroms,
    bootKeys(vm, want, drives, { ...nics.set, ...cdroms.set }),
  );
  const { set } = knownKeys(keys, release);
  return isConfiguredLater(want) ? limitedTo({ set, delete: [] }, (key) => !LATER.includes(key)).set : set;
}

const isConfiguredLater = (want: Wanted): boolean =>
  want.cloudInit !== undefined && isAsked(want, hasData(want.cloudInit));

const nicKeys = (vm: VirtualMachine, want: Wanted): Keys =>
  nicChanges(want.nics ?? [], {}, want.owner.uid, {
    devices: devicesOf(vm, want, {}),
    surplus: [],
    recorded: recordedSettings(vm),
  });
