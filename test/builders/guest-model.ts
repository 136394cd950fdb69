/** How PVE changes a guest's configuration: pure, and only as far as the operator's requests go. */
import { parseDisk, parseNic, parseProperties, printProperties, printSize } from '../../src/pve/index.ts';
import { bytes, GiB } from '../../src/lib/units.ts';
import type { Guest, GuestConfig, PendingChange } from '../../controllers/shared/guests/model.ts';
import { modules, unplugged } from '../fakepve/memory.ts';
import { cpusOf, inForce, memoryMiBOf } from '../../controllers/virtualmachine/config/size.ts';

const withSize = (text: string, size: string): string =>
  printProperties([
    ...parseProperties(text).filter(({ key }) => key !== 'size'),
    { key: 'size', value: size },
  ]);

/** What PVE keeps of a text it was sent: it allocates volumes, fills in MACs and has an order of its own. */
function stored(vmid: number, key: string, text: string, config: GuestConfig): string {
  if (/^net\d+$/.test(key)) return storedNic(text);
  const drive = /^([^:]+):cloudinit$/.exec(text);
  if (drive) return `${drive[1] ?? ''}:vm-${vmid}-cloudinit,media=cdrom,size=4M`;
  if (key === 'efidisk0') return storedEfiDisk(vmid, text);
  const made = /^([^:]+):(\d+(?:\.\d+)?)(?:,(.*))?$/.exec(text);
  if (made && DISK.test(key)) return allocatedDisk(vmid, made, config);
  if (DISK.test(key) && isUnused(text, config)) return withSize(text, ATTACHED_SIZE);
  return text.includes('media=cdrom') ? withSize(text, '366K') : text;
}

const storedEfiDisk = (vmid: number, text: string): string => {
  const [, storage = '', options = ''] = /^([^:]+):\d+,(.*)$/.exec(text) ?? [];
  return storage === '' ? text : `${storage}:vm-${vmid}-disk-1,${options},size=4M`;
};

function storedNic(text: string): string {
  const { model, mac = 'BC:24:11:FF:FF:FF', properties } = parseNic(text);
  const others = properties.filter((each) => each.key !== model && each.key !== undefined);
  return printProperties([
    { key: model, value: mac },
    ...others.toSorted((a, b) => (a.key ?? '').localeCompare(b.key ?? '')),
  ]);
}

/** PVE reads the size of a volume that exists. */
const isUnused = (text: string, config: GuestConfig): boolean =>
  Object.values(config).includes(parseDisk(text).volume);

const DISK = /^(scsi|virtio|sata|ide)\d+$/;
/** What everything that is imported has. */
const IMPORTED_SIZE = '1G';
/** What every volume has that is attached. */
const ATTACHED_SIZE = '10G';

/** A new volume under the lowest number that is free. */
function allocatedDisk(
  vmid: number,
  [, storage = '', gib = '', rest = '']: readonly string[],
  config: GuestConfig,
): string {
  const all = Object.values(config);
  const name = (n: number): string => `${storage}:vm-${vmid}-disk-${n}`;
  let n = 0;
  while (all.some((value) => value === name(n) || value.startsWith(`${name(n)},`))) n += 1;
  const imported = rest.includes('import-from=');
  const others = parseProperties(rest).filter(({ key }) => key !== 'import-from' && key !== 'format');
  const size = imported ? IMPORTED_SIZE : printSize(bytes(Number(gib) * GiB));
  return printProperties([{ value: name(n) }, ...others, { key: 'size', value: size }]);
}

/** The volume of a drive that is taken off stays with the guest, under the lowest number that is free. */
function unused(config: GuestConfig, remove: readonly string[]): GuestConfig {
  const left: Record<string, string> = {};
  for (const key of remove) {
    const { volume, cdrom, cloudInit } = parseDisk(config[key] ?? 'none');
    if (!DISK.test(key) || cdrom || cloudInit || volume === 'none') continue;
    let n = 0;
    while (`unused${n}` in config || `unused${n}` in left) n += 1;
    left[`unused${n}`] = volume;
  }
  return left;
}

/** Why PVE refuses the write; `undefined` if it does not. */
export function refusalOf(
  set: Readonly<Record<string, string | number>>,
  remove: readonly string[],
): string | undefined {
  const both = remove.find((key) => key in set);
  if (both !== undefined) return `you can't use '-${both}' and -delete ${both}' at the same time`;
  return Object.keys(set).length + remove.length === 0 ? 'no options specified' : undefined;
}

export function configured(
  vmid: number,
  config: GuestConfig,
  set: Readonly<Record<string, string | number>>,
  remove: readonly string[],
): GuestConfig {
  const refusal = refusalOf(set, remove);
  if (refusal !== undefined) throw new Error(refusal);
  const kept = Object.entries(config).filter(([key]) => !remove.includes(key));
  const changed = Object.entries(set).map(
    ([key, value]) => [key, stored(vmid, key, String(value), config)] as const,
  );
  // A volume that is attached is no longer unused.
  const attached = changed.map(([, text]) => parseDisk(text).volume);
  const still = kept.filter(([key, text]) => !/^unused\d+$/.test(key) || !attached.includes(text));
  return { ...Object.fromEntries([...still, ...changed]), ...unused(config, remove) };
}

/** With memory hotplug a running guest gets and loses whole modules, at once. */
export function withModules(
  guest: Pick<Guest, 'config' | 'pending' | 'running'>,
  next: GuestConfig,
): GuestConfig {
  const now = inForce(guest);
  if (!guest.running || !plugsMemory(now) || next['memory'] === guest.config['memory']) return next;
  const [before, asked] = [memoryMiBOf(now), memoryMiBOf(next)];
  return { ...next, memory: String(asked > before ? modules(asked) : unplugged(before, asked)) };
}

const plugsMemory = ({ hotplug = '' }: GuestConfig): boolean => hotplug.split(',').includes('memory');

const HOTPLUG = /^(vcpus|balloon|shares|hotplug|net\d+|description|name|tags|onboot|protection|startup)$/;

/**
 * Whether a change takes effect while the guest runs; everything else waits for the next start. PVE changes the medium of
 * a CD drive at once, but the drive itself comes and goes with a start.
 */
export const takesEffectNow = (key: string, now: string | undefined, next: string | undefined): boolean =>
  HOTPLUG.test(key) || [now, next].every((text) => text !== undefined && parseDisk(text).cdrom);

/**
 * What waits for the next start after a running guest was configured.
 * @throws where PVE would fail: it cannot plug more CPUs than the guest was started with
 */
export function pendingAfter(guest: Pick<Guest, 'config' | 'pending'>, next: GuestConfig): PendingChange[] {
  const now = inForce(guest);
  const { ceiling } = cpusOf(now);
  if (next['vcpus'] !== guest.config['vcpus'] && Number(next['vcpus'] ?? 0) > ceiling)
    throw new Error("you can't add more vcpus than maxcpus");
  return [...new Set([...Object.keys(now), ...Object.keys(next)])].flatMap((key) => {
    const [current, pending] = [now[key], next[key]];
    if (current === pending || takesEffectNow(key, current, pending)) return [];
    if (key === 'memory' && plugsMemory(now)) return [];
    return [{ key, ...(current !== undefined && { current }), ...(pending !== undefined && { pending }) }];
  });
}

/** A clone has disks and a MAC of its own; everything else is its template's. */
export function cloned(
  template: GuestConfig,
  { vmid, name, description }: { readonly vmid: number; readonly name: string; readonly description: string },
): GuestConfig {
  const { template: _template, ...rest } = template;
  const own = Object.entries(rest).map(([key, text]): [string, string] => {
    if (/^net\d+$/.test(key)) {
      const { model, properties } = parseNic(text);
      const mac = `BC:24:11:${String(vmid % 100).padStart(2, '0')}:00:${key.slice(3).padStart(2, '0')}`;
      return [key, printProperties(properties.map((p) => (p.key === model ? { ...p, value: mac } : p)))];
    }
    return [key, text.replace(/:(?:base|vm)-\d+-/, `:vm-${vmid}-`)];
  });
  return {
    ...Object.fromEntries(own),
    name,
    description,
    smbios1: `uuid=00000000-0000-0000-0000-${String(vmid).padStart(12, '0')}`,
  };
}

/** @throws where PVE would refuse: disks do not shrink */
export function grown(config: GuestConfig, disk: string, size: number): GuestConfig {
  const text = config[disk] ?? '';
  const before = parseDisk(text).size ?? bytes(0);
  if (size < before) throw new Error('shrinking disks is not supported');
  return { ...config, [disk]: withSize(text, printSize(bytes(size))) };
}

/** @throws where PVE would refuse: snapshots need the disk where it is */
export function moved(config: GuestConfig, disk: string, storage: string): GuestConfig {
  if (config['parent'] !== undefined) throw new Error("you can't move a disk with snapshots");
  return { ...config, [disk]: (config[disk] ?? '').replace(/^[^:]+:/, `${storage}:`) };
}
