/**
 * The CD-ROM drives of the spec as PVE's keys. PVE changes the medium of a drive of a running guest at once, adds a drive
 * at the next start, and cannot unplug one from IDE or SATA (qemu-server, vmconfig_hotplug_pending). Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { nonEmpty, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { CdromWork, DesiredCdrom, RecordedCdrom } from '../model/cdroms.ts';
import type { Shape } from '../model/desired.ts';
import { cdromDevices, isCdrom, NO_DRIVES, recordedCdroms, type Drives } from './slots.ts';

type Wanted = Pick<Shape, 'cdroms' | 'held'>;

const EMPTY = 'none,media=cdrom';

/** The keys that put images into the drives of the spec. @param missing volumes that the guest's node does not have */
export function cdromKeys(
  vm: VirtualMachine,
  { cdroms = [], held }: Wanted,
  drives: Drives,
  missing: readonly string[] = [],
): Keys {
  if (cdroms.length === 0) return NO_KEYS;
  const devices = cdromDevices(vm, cdroms, drives);
  const set = cdroms.flatMap(({ name, volume }) => {
    const device = devices.get(name);
    if (device === undefined || volume === undefined || held?.cdroms?.includes(name)) return [];
    if (missing.includes(volume) || hasVolume(drives, device, volume)) return [];
    return [[device, `${volume},media=cdrom`] as const];
  });
  return { set: Object.fromEntries(set), delete: [] };
}

const hasVolume = (drives: Drives, device: string, volume: string): boolean =>
  isCdrom(drives, device) && parseDisk(drives.config[device] ?? '').volume === volume;

/** Volumes that are about to be inserted. */
export const insertedVolumes = (vm: VirtualMachine, want: Wanted, drives: Drives): readonly string[] =>
  Object.values(cdromKeys(vm, want, drives).set).map((text) => parseDisk(String(text)).volume);

/** Drives of entries that left the spec and whose device no other entry took. */
export function leavingDrives(
  vm: VirtualMachine,
  { cdroms = [] }: Pick<Shape, 'cdroms'>,
  drives: Drives,
): readonly RecordedCdrom[] {
  const left = recordedCdroms(vm).filter(({ name }) => !cdroms.some((each) => each.name === name));
  if (left.length === 0) return [];
  const used = new Set(cdromDevices(vm, cdroms, drives).values());
  return left.filter(({ device }) => !used.has(device) && isCdrom(drives, device));
}

/** Empties them while the guest runs, and removes them once it is off. */
export function leavingKeys(vm: VirtualMachine, want: Wanted, guest: Guest): Keys {
  const leaving = leavingDrives(vm, want, guest).map(({ device }) => device);
  const isAttached = (device: string): boolean =>
    guest.running && !guest.pending.some(({ key, current }) => key === device && current === undefined);
  const emptied = leaving.filter((device) => isAttached(device) && !isEmpty(guest, device));
  return {
    set: Object.fromEntries(emptied.map((device) => [device, EMPTY])),
    delete: leaving.filter((device) => !isAttached(device)),
  };
}

/** The same; `undefined`: nothing is to be done. */
export const leavingChange = (vm: VirtualMachine, want: Wanted, guest: Guest): Keys | undefined =>
  nonEmpty(leavingKeys(vm, want, guest));

const isEmpty = ({ config }: Drives, device: string): boolean =>
  parseDisk(config[device] ?? '').volume === 'none';

/**
 * @param guest absent: it is not made yet
 * @param site volumes that its node does not have; what the guest has, or is made with
 */
export function cdromWork(
  vm: VirtualMachine,
  want: Wanted,
  guest: Guest | undefined,
  {
    missing = [],
    drives = guest ?? NO_DRIVES,
  }: { readonly missing?: readonly string[] | undefined; readonly drives?: Drives } = {},
): CdromWork {
  const { cdroms = [], held } = want;
  const recorded = recordedCdroms(vm);
  const devices = cdromDevices(vm, cdroms, drives);
  const isRecorded = ({ name, device }: RecordedCdrom): boolean =>
    recorded.some((each) => each.name === name && each.device === device);
  const isHeld = ({ name }: DesiredCdrom): boolean => held?.cdroms?.includes(name) ?? false;
  const all = cdroms.flatMap((cdrom) => {
    const device = devices.get(cdrom.name);
    return device === undefined ? [] : [{ ...cdrom, device }];
  });
  const wanted = all.filter((each) => isRecorded(each) || !isHeld(each));
  const blocked = cdroms
    .filter((cdrom) => !isHeld(cdrom))
    .flatMap((cdrom) => obstacleOf(cdrom, { devices, drives, missing, guest }));
  return {
    entries: [...wanted, ...leavingDrives(vm, want, drives)].map(({ name, device }) =>
      entryOf(name, device, drives),
    ),
    unrecorded: wanted.some((each) => !isRecorded(each)),
    waiting: blocked.map(({ name }) => name),
    differences: blocked.map(({ sentence }) => sentence),
  };
}

function entryOf(name: string, device: string, drives: Drives): RecordedCdrom {
  const { volume } = parseDisk(drives.config[device] ?? 'none');
  return { name, device, ...(isCdrom(drives, device) && volume !== 'none' && { volume }) };
}

interface Situation {
  readonly devices: ReadonlyMap<string, string>;
  readonly drives: Drives;
  readonly missing: readonly string[];
  readonly guest: Guest | undefined;
}

function obstacleOf(
  { name, volume }: DesiredCdrom,
  { devices, drives, missing, guest }: Situation,
): { readonly name: string; readonly sentence: string }[] {
  const device = devices.get(name);
  if (device === undefined)
    return [
      {
        name,
        sentence: `The VM has no free slot for the CD-ROM drive ${name}. Detach a disk or a CD drive in Proxmox VE, or remove the entry from spec.cdroms.`,
      },
    ];
  if (guest === undefined || volume === undefined) return [];
  if (!missing.includes(volume) || hasVolume(drives, device, volume)) return [];
  return [
    {
      name,
      sentence: `Node ${guest.node} has no ${volume}, so the CD-ROM drive ${name} stays as it is. Put the image there, or correct spec.cdroms; the operator looks again every few minutes.`,
    },
  ];
}
