import { PveError, failure } from './errors.ts';
import { isCdrom, isCloudInit, isDrive, parseDrive } from './drives.ts';
import { coreCount, memoryMiB, optionProperties } from './guest.ts';
import { modules, STATIC_MIB, unplugged } from './memory.ts';
import { isCloudInitOption, recordDrift, regenerate } from './cloudinit.ts';
import { claimUnused, keepUnused, releaseDrive } from './pending.ts';
import { hasNoSystem } from './power.ts';
import { splitList } from './schema/formats.ts';
import type { Drive } from './drives.ts';
import type { Guest } from './guest.ts';
import { hasBridge, type World } from './world.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Options that take effect at once, since they do not affect a running guest. */
const fastPlug = words(
  'description hookscript lock migrate_downtime migrate_speed name onboot protection shares startup tags vmstatestorage',
);

/** `skip` leaves a change pending without an error. */
type PlugResult = 'applied' | 'skip';

function features(guest: Guest): ReadonlySet<string> {
  const text = guest.get('hotplug') ?? '1';
  if (text === '0') return new Set();
  return new Set(text === '1' ? ['network', 'disk', 'usb'] : splitList(text));
}

interface Plug {
  readonly world: World;
  readonly guest: Guest;
  readonly features: ReadonlySet<string>;
}

/** A PCI device must be released by the guest's operating system; PVE waits for that, then times out. */
async function unplugPci({ world, guest }: Plug, device: string): Promise<void> {
  if (!hasNoSystem(guest)) return;
  await world.clock.sleep(world.wait(world.latency.unplugTimeout));
  throw failure(`error on hot-unplugging device '${device}' - still busy in guest?`);
}

async function unplugDrive(plug: Plug, key: string): Promise<void> {
  const bus = /^(scsi|virtio)\d+$/.exec(key)?.[1];
  if (bus === 'virtio') await unplugPci(plug, key);
  // With one controller per disk, the guest must release the controller.
  if (bus === 'scsi' && plug.guest.get('scsihw') === 'virtio-scsi-single') await unplugPci(plug, key);
}

function plugNet({ world, guest }: Plug, value: string): void {
  const { bridge } = optionProperties('net0', value);
  if (bridge === undefined || hasBridge(world, guest.node, bridge)) return;
  throw failure(
    `VM ${guest.vmid} qmp command 'netdev_add' failed - network script /usr/libexec/qemu-server/pve-bridge-hotplug failed with status 512`,
  );
}

async function changeNet(plug: Plug, key: string, value: string): Promise<PlugResult> {
  const old = optionProperties(key, plug.guest.get(key));
  const next = optionProperties(key, value);
  const sameDevice = ['model', 'macaddr', 'queues', 'mtu'].every((name) => old[name] === next[name]);
  if (plug.guest.config.has(key) && sameDevice) {
    plugNet(plug, value);
    return 'applied';
  }
  if (!plug.features.has('network')) return 'skip';
  if (plug.guest.config.has(key)) await unplugPci(plug, key);
  plugNet(plug, value);
  return 'applied';
}

const fixedDriveOptions = ['aio', 'discard', 'iothread', 'queues', 'ro', 'ssd', 'product', 'vendor'];

/** Only an empty drive frees the volume of a cloud-init drive: an image put over it leaves the volume behind. */
function changeMedium({ world, guest }: Plug, old: Drive, next: Drive): PlugResult {
  if (next.file === 'none' && isCloudInit(old)) world.storage.remove(old.file, guest.node);
  return 'applied';
}

async function changeDrive(plug: Plug, key: string, value: string): Promise<PlugResult> {
  const { guest } = plug;
  const next = parseDrive(key, value);
  const oldValue = guest.get(key);
  const pluggable = plug.features.has('disk') && /^(?:scsi|virtio)\d+$/.test(key);
  if (key === 'efidisk0' || key === 'tpmstate0') return 'skip';
  if (oldValue !== undefined) {
    const old = parseDrive(key, oldValue);
    if (isCdrom(old) !== isCdrom(next)) throw failure('unable to change media type');
    if (isCdrom(old)) return changeMedium(plug, old, next);
    if (old.file === next.file)
      return fixedDriveOptions.some((name) => old.options[name] !== next.options[name]) ? 'skip' : 'applied';
    if (!pluggable) return 'skip';
    await unplugDrive(plug, key);
    keepUnused(guest, old);
    return 'applied';
  }
  return pluggable ? 'applied' : 'skip';
}

/** The memory that the guest has afterwards; undefined if the change has to wait. */
function changeMemory({ guest, features: on }: Plug, value: string): string | undefined {
  if (!on.has('memory')) return undefined;
  const wanted = Number(value.replace('current=', ''));
  const now = memoryMiB(guest.config);
  if (wanted === now) return value;
  if (wanted < STATIC_MIB) throw failure(`memory can't be lower than ${STATIC_MIB} MB`);
  if (wanted < now && hasNoSystem(guest)) throw failure('error unplug memory module');
  return String(wanted > now ? modules(wanted) : unplugged(now, wanted));
}

function changeCpus({ guest, features: on }: Plug, value: string | undefined): PlugResult {
  if (!on.has('cpu')) return 'skip';
  const most = coreCount(guest.config);
  const wanted = Number(value ?? most);
  if (wanted > most) throw failure("you can't add more vcpus than maxcpus");
  const now = Number(guest.get('vcpus') ?? most);
  if (wanted < now && hasNoSystem(guest)) throw failure('error on hot-unplugging vcpus');
  return 'applied';
}

function changeBalloon(guest: Guest, value: string): PlugResult {
  return (guest.get('balloon') === '0') === (value === '0') ? 'applied' : 'skip';
}

function changeAgent(guest: Guest, value: string): PlugResult {
  const strip = (text: string | undefined): string =>
    JSON.stringify(
      Object.entries(optionProperties('agent', text))
        .filter(([key]) => key !== 'fstrim_cloned_disks')
        .sort(),
    );
  return strip(guest.get('agent')) === strip(value) ? 'applied' : 'skip';
}

/** The tablet always, other devices on Linux, and on Windows since 8 (qemu-server, vmconfig_hotplug_pending). */
function plugUsb({ guest, features: on }: Plug, key: string): PlugResult {
  const supports = key === 'tablet' || /^(?:l26|win8|win1[01])$/.test(guest.get('ostype') ?? '');
  return on.has('usb') && supports ? 'applied' : 'skip';
}

const always = new Set(['cpuunits', 'cpulimit']);

async function changeOther(plug: Plug, key: string, value: string): Promise<PlugResult> {
  if (/^net\d+$/.test(key)) return changeNet(plug, key, value);
  if (isDrive(key)) return changeDrive(plug, key, value);
  if (key === 'vcpus') return changeCpus(plug, value);
  if (key === 'balloon') return changeBalloon(plug.guest, value);
  if (key === 'agent') return changeAgent(plug.guest, value);
  if (key === 'tablet' || /^usb\d+$/.test(key)) return plugUsb(plug, key);
  if (key === 'hotplug')
    return /memory/.test(`${value} ${plug.guest.get('hotplug') ?? ''}`) ? 'skip' : 'applied';
  return always.has(key) ? 'applied' : 'skip';
}

/** Tries one change of a running guest. Returns the resulting value (memory is added in modules), or undefined. */
async function tryChange(plug: Plug, key: string, value: string): Promise<string | undefined> {
  if (key === 'memory') return changeMemory(plug, value);
  return (await changeOther(plug, key, value)) === 'skip' ? undefined : value;
}

async function deleteDevice(plug: Plug, key: string): Promise<PlugResult> {
  const isNet = /^net\d+$/.test(key);
  if (!plug.features.has(isNet ? 'network' : 'disk')) return 'skip';
  if (isNet) await unplugPci(plug, key);
  else if (/^(?:scsi|virtio)\d+$/.test(key)) await unplugDrive(plug, key);
  else return 'skip';
  return 'applied';
}

async function tryDelete(plug: Plug, key: string): Promise<PlugResult> {
  const { guest } = plug;
  if (fastPlug.has(key) || isCloudInitOption(key) || always.has(key)) return 'applied';
  if (/^net\d+$/.test(key) || isDrive(key)) return deleteDevice(plug, key);
  if (key === 'vcpus') return changeCpus(plug, undefined);
  if (key === 'tablet') return plugUsb(plug, key);
  if (key === 'balloon') return guest.get('balloon') === '0' ? 'skip' : 'applied';
  return key === 'hotplug' ? deleteHotplug(guest) : 'skip';
}

const deleteHotplug = (guest: Guest): PlugResult =>
  /cpu|memory/.test(guest.get('hotplug') ?? '') ? 'skip' : 'applied';

function applyFast(guest: Guest): void {
  for (const [key, value] of guest.pending) {
    if (!fastPlug.has(key) && !isCloudInitOption(key)) continue;
    recordDrift(guest, key, guest.get(key), value);
    guest.config.set(key, value);
    guest.pending.delete(key);
  }
}

const message = (error: unknown): string =>
  error instanceof PveError ? error.text.trimEnd() : error instanceof Error ? error.message : String(error);

/**
 * Applies the changes that a running guest supports; the rest stays pending.
 * Returns the failures by option, with the error texts of the API.
 */
export async function hotplug(
  world: World,
  guest: Guest,
  changed: ReadonlySet<string>,
): Promise<Record<string, string>> {
  const errors: Record<string, string> = {};
  const plug = { world, guest, features: features(guest) };
  const attempt = async (key: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      errors[key] = `hotplug problem - ${message(error)}\n`;
    }
  };
  applyFast(guest);
  for (const [key, force] of [...guest.pendingDelete].sort()) {
    if (!changed.has(key)) continue;
    await attempt(key, async () => {
      if ((await tryDelete(plug, key)) === 'skip') return;
      recordDrift(guest, key, guest.get(key), undefined);
      if (isDrive(key)) releaseDrive(world, guest, key, force);
      guest.config.delete(key);
      guest.pendingDelete.delete(key);
    });
  }
  for (const [key, value] of [...guest.pending].sort()) {
    if (!changed.has(key)) continue;
    await attempt(key, async () => {
      const done = await tryChange(plug, key, value);
      if (done === undefined) return;
      if (isDrive(key)) claimUnused(guest, done);
      guest.config.set(key, done);
      guest.pending.delete(key);
    });
  }
  if (plug.features.has('cloudinit')) regenerate(world, guest);
  guest.written();
  return errors;
}
