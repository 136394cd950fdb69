/** CPUs, memory and volumes that the guest has now, for status. Pure. */
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { bytes, MiB } from '../../../src/lib/units.ts';
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { DetachedDisk } from '../model/disks.ts';
import { mappedDevices } from '../config/devices.ts';
import { cpusOf, inForce, memoryMiBOf } from '../config/size.ts';

// Limits of the schema of the status.
const MAX_UNUSED = 64;
const MAX_DEVICES = 30;

type Hardware = Pick<VirtualMachineStatus, 'cpus' | 'memory' | 'devices' | 'unusedVolumes'>;

/** @param detached which of the unused volumes were disks */
export function hardwareOf(guest: Guest, detached: readonly DetachedDisk[] = []): Hardware {
  if (guest.container) return {};
  const now = inForce(guest);
  const devices = mappedDevices(now).slice(0, MAX_DEVICES);
  const unused = unusedVolumesOf(guest.config, detached);
  return {
    cpus: cpusOf(now).now,
    memory: formatQuantity(bytes(memoryNowMiB(now) * MiB)),
    ...(devices.length > 0 && { devices }),
    ...(unused.length > 0 && { unusedVolumes: unused }),
  };
}

/** With `shares: 0` PVE sets the balloon to its target and leaves it there; otherwise it moves it by itself. */
function memoryNowMiB(config: GuestConfig): number {
  const memory = memoryMiBOf(config);
  const target = Number(config['balloon'] ?? 0);
  return config['shares'] === '0' && target > 0 ? Math.min(target, memory) : memory;
}

const UNUSED = /^unused(\d+)$/;

function unusedVolumesOf(
  config: GuestConfig,
  detached: readonly DetachedDisk[],
): NonNullable<Hardware['unusedVolumes']> {
  const slot = (device: string): number => Number(UNUSED.exec(device)?.[1]);
  return Object.keys(config)
    .filter((device) => UNUSED.test(device))
    .toSorted((one, other) => slot(one) - slot(other))
    .slice(0, MAX_UNUSED)
    .map((device) => {
      const { volume } = parseDisk(config[device] ?? '');
      const { disk, size } = detached.find((each) => each.volume === volume) ?? {};
      const { storage } = parseVolumeId(volume) ?? {};
      return { device, volume, ...omitUndefined({ storage, disk, size }) };
    });
}
