import { clusterSchema } from './cluster-file.ts';
import { placeGuest } from './build-world.ts';
import { forgetGuest } from './creation.ts';
import { normalOption } from './options.ts';
import { powerOff, powerOn } from './power.ts';
import type { ClusterInput } from './cluster-file.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

export type GuestInput = NonNullable<ClusterInput['guests']>[number];

/** What others do to the cluster behind a client's back: at once, and without a task. */
export class OutsideWorld {
  private readonly world: () => World;

  constructor(world: () => World) {
    this.world = world;
  }

  private guest(vmid: number): Guest {
    const guest = this.world().guests.get(vmid);
    if (!guest) throw new Error(`the fake has no guest ${vmid}`);
    return guest;
  }

  /** Puts a guest there; disks such as `nvme-storage:20` are made. */
  addGuest(input: GuestInput): Guest {
    const [described] = clusterSchema.shape.guests.parse([input]);
    if (!described) throw new Error('no guest was described');
    return placeGuest(this.world(), described);
  }

  start(vmid: number): void {
    const guest = this.guest(vmid);
    if (!guest.running) powerOn(this.world(), guest);
  }

  /** As when the guest's own system shuts down, or its process dies. */
  stop(vmid: number): void {
    powerOff(this.world(), this.guest(vmid));
  }

  migrate(vmid: number, node: string): void {
    const guest = this.guest(vmid);
    if (!this.world().nodes.has(node)) throw new Error(`the fake has no node ${node}`);
    guest.node = node;
    guest.written();
  }

  /** Removes the guest with everything that belongs to it. */
  delete(vmid: number): void {
    const world = this.world();
    const guest = this.guest(vmid);
    for (const volume of world.storage.ofGuest(vmid, guest.node))
      world.storage.remove(volume.volid, guest.node);
    forgetGuest(world, guest);
  }

  rename(vmid: number, name: string): void {
    this.edit(vmid, { name });
  }

  /** Writes options as an editor of the file would; `null` removes one. */
  edit(vmid: number, options: Readonly<Record<string, string | number | null>>): void {
    const guest = this.guest(vmid);
    for (const [key, value] of Object.entries(options)) {
      if (value === null) guest.config.delete(key);
      else guest.config.set(key, normalOption(this.world(), key, String(value)));
    }
    guest.written();
  }

  /** The configuration's lock, as a backup or a failed migration leaves it. */
  lock(vmid: number, lock: string): void {
    this.edit(vmid, { lock });
  }

  unlock(vmid: number): void {
    this.edit(vmid, { lock: null });
  }
}
