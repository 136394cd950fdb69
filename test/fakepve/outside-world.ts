import { clusterSchema } from './cluster-file.ts';
import { placeGuest } from './build-world.ts';
import { forgetGuest } from './creation.ts';
import { normalOption } from './options.ts';
import { haResource } from './ha.ts';
import { notice } from './ha-manager.ts';
import { powerOff, powerOn } from './power.ts';
import { allocateState, stateStorage } from './snapshots.ts';
import type { ClusterInput } from './cluster-file.ts';
import type { Guest, RunState } from './guest.ts';
import type { RequestState } from './ha.ts';
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
    this.haLooksAt(vmid);
  }

  /** QEMU's run state: a person pauses the guest, its storage is full, it sleeps or crashes, or it goes on. */
  setRunState(vmid: number, state: RunState): void {
    const { running } = this.guest(vmid);
    if (!running) throw new Error(`the guest ${vmid} is off`);
    running.qmp = state;
  }

  /** The guest's memory goes to a volume, and the guest off. */
  suspendToDisk(vmid: number): void {
    const world = this.world();
    const guest = this.guest(vmid);
    const state = allocateState(world, guest, 'suspend-2026-01-01', stateStorage(world, guest));
    powerOff(world, guest);
    this.edit(vmid, { lock: 'suspended', vmstate: state });
  }

  /** HA shall manage the guest from now on. */
  addToHa(vmid: number, state: RequestState = 'started'): void {
    const resource = haResource(vmid, state);
    this.world().ha.resources.set(resource.sid, resource);
    notice(this.world(), resource);
  }

  /** What HA's manager says of the guest, for instance `error`. */
  setHaState(vmid: number, service: string): void {
    const resource = this.world().ha.managed(vmid);
    if (!resource) throw new Error(`HA does not manage the guest ${vmid}`);
    resource.service = service;
  }

  /** `ha-manager set`: a service in error takes notice of `disabled` only. */
  requestHa(vmid: number, state: RequestState): void {
    const resource = this.world().ha.managed(vmid);
    if (!resource) throw new Error(`HA does not manage the guest ${vmid}`);
    resource.state = state;
    notice(this.world(), resource);
  }

  /** A guest that shall run is started again where it stopped by itself. */
  private haLooksAt(vmid: number): void {
    const resource = this.world().ha.managed(vmid);
    if (resource) notice(this.world(), resource);
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
