import { clusterSchema } from './cluster-file.ts';
import { placeGuest } from './build-world.ts';
import { copyOf, type CopiedAs } from './copies.ts';
import { forgetGuest } from './creation.ts';
import { normalOption } from './options.ts';
import { haResource } from './ha.ts';
import { scheduleManager } from './ha-manager.ts';
import { powerOff, powerOn } from './power.ts';
import { allocateState, stateStorage } from './snapshot-memory.ts';
import { snapshotOf } from './snapshots.ts';
import { renameToBase } from './template.ts';
import type { ClusterInput } from './cluster-file.ts';
import type { Guest, RunState } from './guest.ts';
import type { NodeMode, RequestState } from './ha.ts';
import type { World } from './world.ts';

export type GuestInput = NonNullable<ClusterInput['guests']>[number];

/** Changes that others make to the cluster without the client: at once, and without a task. */
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

  /** Adds a guest; disks such as `nvme-storage:20` are created. */
  addGuest(input: GuestInput): Guest {
    const [described] = clusterSchema.shape.guests.parse([input]);
    if (!described) throw new Error('no guest was described');
    return placeGuest(this.world(), described);
  }

  /** A clone, or a backup restored under another VMID. */
  copy(vmid: number, to: number, as: CopiedAs): Guest {
    return this.addGuest(copyOf(this.world(), this.guest(vmid), { vmid: to, as }));
  }

  convertToTemplate(vmid: number): void {
    const guest = this.guest(vmid);
    if (guest.running) throw new Error(`the guest ${vmid} runs`);
    guest.config.set('template', '1');
    renameToBase(this.world(), guest);
  }

  start(vmid: number): void {
    const guest = this.guest(vmid);
    if (!guest.running) powerOn(this.world(), guest);
  }

  /** As if the guest's operating system shut down, or its process died. */
  stop(vmid: number): void {
    powerOff(this.world(), this.guest(vmid));
    this.haLooksAt(vmid);
  }

  /** The guest's process is killed, and nobody cleans up after it. */
  crash(vmid: number): void {
    const guest = this.guest(vmid);
    powerOff(this.world(), guest);
    guest.endedAt = undefined;
    this.haLooksAt(vmid);
  }

  /** Sets QEMU's run state: a person pauses the guest, its storage is full, it sleeps, crashes or resumes. */
  setRunState(vmid: number, state: RunState): void {
    const { running } = this.guest(vmid);
    if (!running) throw new Error(`the guest ${vmid} is off`);
    running.qmp = state;
  }

  /** Saves the guest's memory to a volume and stops the guest. */
  suspendToDisk(vmid: number): void {
    const world = this.world();
    const guest = this.guest(vmid);
    const state = allocateState(world, guest, 'suspend-2026-01-01', stateStorage(world, guest));
    powerOff(world, guest);
    this.edit(vmid, { lock: 'suspended', vmstate: state });
  }

  /** A node died while the snapshot was taken or deleted: it is incomplete, and the guest stays locked. */
  breakSnapshot(vmid: number, name: string, snapstate: 'prepare' | 'delete'): void {
    snapshotOf(this.guest(vmid), name).config.set('snapstate', snapstate);
    this.lock(vmid, snapstate === 'prepare' ? 'snapshot' : 'snapshot-delete');
  }

  /** Makes HA manage the guest from now on. */
  addToHa(vmid: number, state: RequestState = 'started'): void {
    const resource = haResource(vmid, state);
    this.world().ha.resources.set(resource.sid, resource);
    scheduleManager(this.world(), resource);
  }

  /** Sets the state that the HA manager reports for the guest, for example `error`. */
  setHaState(vmid: number, service: string): void {
    const resource = this.world().ha.managed(vmid);
    if (!resource) throw new Error(`HA does not manage the guest ${vmid}`);
    resource.service = service;
  }

  /** `ha-manager crm-command node-maintenance enable`, for example. No guest is moved. */
  setNodeMode(node: string, mode: NodeMode): void {
    if (!this.world().nodes.has(node)) throw new Error(`the fake has no node ${node}`);
    this.world().ha.modes.set(node, mode);
  }

  /** `ha-manager set`: a service in the error state only reacts to `disabled`. */
  requestHa(vmid: number, state: RequestState): void {
    const resource = this.world().ha.managed(vmid);
    if (!resource) throw new Error(`HA does not manage the guest ${vmid}`);
    resource.state = state;
    scheduleManager(this.world(), resource);
  }

  /** A guest that HA is to keep running is started again if it stopped unexpectedly. */
  private haLooksAt(vmid: number): void {
    const resource = this.world().ha.managed(vmid);
    if (resource) scheduleManager(this.world(), resource);
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

  /** Writes options as if the file were edited; `null` removes one. */
  edit(vmid: number, options: Readonly<Record<string, string | number | null>>): void {
    const guest = this.guest(vmid);
    for (const [key, value] of Object.entries(options)) {
      if (value === null) guest.config.delete(key);
      else guest.config.set(key, normalOption(this.world(), key, String(value)));
    }
    guest.written();
  }

  /** Sets the lock in the configuration, as a backup or a failed migration leaves it. */
  lock(vmid: number, lock: string): void {
    this.edit(vmid, { lock });
  }

  unlock(vmid: number): void {
    this.edit(vmid, { lock: null });
  }
}
