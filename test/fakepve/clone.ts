import { holding } from './call.ts';
import { alwaysFull, isCopied, planClone } from './clone-plan.ts';
import { newUuid, reserve } from './creation.ts';
import { allocate, formatOn } from './disks.ts';
import { drivesOf, isDrive, printDrive } from './drives.ts';
import { causeOf, failure } from './errors.ts';
import { normalOption } from './options.ts';
import { formatSize } from './size.ts';
import { imageName, protectSnapshot } from './rbd.ts';
import { keepsFiles } from './storage.ts';
import type { Call } from './call.ts';
import type { ClonePlan } from './clone-plan.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest } from './guest.ts';
import type { Volume } from './storage.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

/** How long a clone waits for the lock of its source or its target. */
const LOCK_MS = 1000;

const notCopied =
  /^(?:unused\d+|lock|parent|snaptime|snapstate|vmstate|template|runningcpu|runningmachine|running-nets-host-mtu)$/;

const withoutMac = (net: string): string => net.replace(/^([\w-]+)=[^,]+/, '$1');

function copiedOption(world: World, key: string, value: string): string {
  if (/^net\d+$/.test(key)) return normalOption(world, key, withoutMac(value));
  if (key === 'smbios1') return newUuid(world, value);
  return key === 'vmgenid' ? world.random.uuid() : value;
}

/** The configuration of the source except for its disks and its identity. */
function copiedConfig(call: Call, { source, config }: ClonePlan): Config {
  const { world } = call;
  const made: Config = new Map([['lock', 'clone']]);
  for (const [key, value] of config)
    if (!notCopied.test(key) && !isDrive(key)) made.set(key, copiedOption(world, key, value));
  if (!made.has('smbios1')) made.set('smbios1', newUuid(world, ''));
  for (const drive of drivesOf(config)) if (!isCopied(drive)) made.set(drive.key, printDrive(drive));
  made.set('name', call.get('name') ?? `Copy-of-VM-${config.get('name') ?? source.vmid}`);
  const description = call.get('description');
  if (description !== undefined) made.set('description', description);
  return made;
}

const linkedLine = (volume: Volume, made: Volume, { newid, snapname }: ClonePlan): string =>
  made.parentSnapshot !== undefined && snapname !== undefined
    ? `clone ${volume.name}: ${imageName(volume.name)} snapname ${snapname} to ${made.name}`
    : `clone ${volume.name}: images, ${made.name}, ${newid}`;

/** A clone in progress: if it fails, the volumes created so far are removed. */
class Cloning {
  private readonly world: World;
  private readonly plan: ClonePlan;
  private readonly run: TaskRun;
  private readonly made: Volume[] = [];

  constructor(world: World, plan: ClonePlan, run: TaskRun) {
    this.world = world;
    this.plan = plan;
    this.run = run;
  }

  private linked(drive: Drive): boolean {
    return !this.plan.full && !alwaysFull(drive);
  }

  private format(drive: Drive, source: Volume): string | undefined {
    if (!this.linked(drive)) return this.plan.format ?? source.format;
    return keepsFiles(this.world.storage.get(source.storage)) ? 'qcow2' : undefined;
  }

  private copy(drive: Drive): string {
    const { world, run } = this;
    const { source, newid, target, snapname } = this.plan;
    const volume = world.storage.find(drive.file, source.node);
    if (!volume) throw failure(`volume '${drive.file}' does not exist`);
    const linked = this.linked(drive);
    run.log(`create ${linked ? 'linked' : 'full'} clone of drive ${drive.key} (${drive.file})`);
    const storage = world.storage.on(linked ? volume.storage : (this.plan.storage ?? volume.storage), target);
    if (linked && snapname !== undefined) protectSnapshot(storage, volume, snapname);
    const made = allocate(
      { world, node: source.node, vmid: newid, log: run.log },
      {
        storage,
        size: volume.size,
        format: formatOn(storage, this.format(drive, volume)),
        kind: volume.name.includes('cloudinit') ? 'cloudinit' : 'disk',
        parent: linked ? volume : undefined,
        snapname,
        data: volume.data,
      },
    );
    this.made.push(made);
    run.log(linked ? linkedLine(volume, made, this.plan) : `allocated target volume '${made.volid}'`);
    return printDrive({ file: made.volid, options: { ...drive.options, size: formatSize(made.size) } });
  }

  /** Disks share the time of the clone, unless a bandwidth limit makes their copies slower. */
  private time(drive: Drive, share: number): number {
    const { latency } = this.world;
    if (alwaysFull(drive) || drive.key === 'efidisk0') return 0;
    if (this.linked(drive)) return latency.cloneLinked / share;
    const size = this.made.at(-1)?.size ?? 0;
    const { bwlimit } = this.plan;
    return bwlimit === 0 ? latency.cloneFull / share : (size / 1024 / bwlimit) * 1000;
  }

  /** The target's configuration grows drive by drive; before the first drive it only has the lock. */
  async carryOut(guest: Guest, config: Config): Promise<void> {
    const drives = drivesOf(this.plan.config).filter(isCopied);
    const share = Math.max(
      1,
      drives.filter((drive) => !alwaysFull(drive) && drive.key !== 'efidisk0').length,
    );
    await this.run.sleep(this.world.latency.cloneSetup);
    for (const drive of [...drives].sort((a, b) => (a.key < b.key ? -1 : 1))) {
      const value = this.copy(drive);
      await this.run.sleep(this.time(drive, share));
      config.set(drive.key, value);
      guest.config = new Map(config);
      guest.written();
    }
    config.delete('lock');
    guest.config = config;
    guest.node = this.plan.target;
    guest.written();
  }

  undo(): void {
    for (const volume of this.made) this.world.storage.remove(volume.volid, this.plan.source.node);
    this.world.guests.delete(this.plan.newid);
  }
}

async function cloneInTask(call: Call, plan: ClonePlan, guest: Guest, run: TaskRun): Promise<void> {
  const { world } = call;
  run.log(`creating a clone of VM ${plan.source.vmid} with ID ${plan.newid}`);
  const cloning = new Cloning(world, plan, run);
  try {
    await cloning.carryOut(guest, copiedConfig(call, plan));
  } catch (error) {
    cloning.undo();
    throw failure(`clone failed: ${causeOf(error)}`);
  }
  const pool = call.get('pool');
  if (pool !== undefined) world.pools.get(pool)?.vms.add(plan.newid);
}

/** Another node has a guest with that VMID: the new configuration cannot be written. */
const refusedInTask = (call: Call, { source, newid }: ClonePlan): string =>
  call.start('qmclone', source.vmid, (run) => {
    run.log(`creating a clone of VM ${source.vmid} with ID ${newid}`);
    const file = `/etc/pve/nodes/${source.node}/qemu-server/${newid}.conf`;
    return Promise.reject(failure(`close (rename) atomic file '${file}' failed: File exists`));
  });

/** POST clone. The target exists at once, locked, and is complete when the task has ended. */
export function clone(call: Call): string {
  const { world } = call;
  const plan = planClone(call);
  const { source, newid } = plan;
  if (world.guests.has(newid)) return refusedInTask(call, plan);
  const guest = reserve(world, newid, source.node, 'clone');
  guest.extraInterfaces = source.extraInterfaces;
  return call.start('qmclone', source.vmid, async (run) => {
    // Clones of a guest that is off share its lock.
    const mode = source.running ? 'exclusive' : 'shared';
    const work = () => holding(world, newid, run, () => cloneInTask(call, plan, guest, run));
    try {
      await world.locks.hold(source.vmid, work, { timeoutMs: world.wait(LOCK_MS), mode, log: run.log });
    } catch (error) {
      if (guest.get('lock') === 'clone' && world.guests.get(newid) === guest) world.guests.delete(newid);
      throw error;
    }
  });
}
