/** `/nodes/{node}/qemu/{vmid}/snapshot`: the snapshots of one guest. */
import { z } from 'zod';
import type { NodeName, Upid, Vmid } from '../lib/units.ts';
import { endpoint, type CallOptions, type Need, type Send } from './endpoint.ts';
import {
  epochSeconds,
  Flag,
  maybe,
  NodeParam,
  rows,
  State,
  Text,
  UpidText,
  VmidParam,
  Word,
} from './wire.ts';

const At = z.object({ node: NodeParam, vmid: VmidParam });

/** What PVE accepts as the name of a snapshot (`pve-configid`, and at most 40 characters). */
export const SNAPSHOT_NAME = /^[a-z][a-z0-9_-]{1,39}$/i;

export const SnapshotName = z.string().regex(SNAPSHOT_NAME, 'not the name of a snapshot');
const OnSnapshot = At.extend({ snapname: SnapshotName });

const Row = z
  .object({
    name: Word,
    description: maybe(Text),
    parent: maybe(Word),
    snaptime: maybe(epochSeconds),
    vmstate: Flag,
    snapstate: maybe(State),
  })
  .transform(({ name, description, parent, snaptime, vmstate, snapstate }) => ({
    name,
    description: description ?? '',
    parent,
    takenAt: snaptime,
    memory: vmstate,
    state: snapstate,
  }));

/** One snapshot in the list of a guest. `takenAt` is in epoch ms. */
export interface SnapshotRow {
  readonly name: string;
  readonly description: string;
  /** The snapshot that it is based on. */
  readonly parent: string | undefined;
  readonly takenAt: number | undefined;
  /** It has the memory of the guest. */
  readonly memory: boolean;
  /** `prepare` while it is taken, `delete` while it is deleted. One that has a state without a task was left behind. */
  readonly state: string | undefined;
}

export interface SnapshotList {
  readonly snapshots: readonly SnapshotRow[];
  /** The snapshot that the present state of the guest is based on. */
  readonly parent: string | undefined;
}

/** The row that stands for the present state of the guest. */
const PRESENT = 'current';

const List = rows(Row).transform((all): SnapshotList => ({
  snapshots: all.filter(({ name }) => name !== PRESENT),
  parent: all.find(({ name }) => name === PRESENT)?.parent,
}));

const Feature = z.object({ hasFeature: Flag }).transform(({ hasFeature }) => hasFeature);

const path = '/nodes/{node}/qemu/{vmid}';
const vmPath = '/vms/{vmid}';

const audit: Need = { path: vmPath, anyOf: ['VM.Audit'] };
const snapshot: Need = { path: vmPath, anyOf: ['VM.Snapshot'], feature: 'snapshots' };
const rollback: Need = { path: vmPath, anyOf: ['VM.Snapshot.Rollback', 'VM.Snapshot'], feature: 'snapshots' };

export const SNAPSHOT = {
  list: endpoint({
    method: 'GET',
    path: `${path}/snapshot`,
    params: At,
    reply: List,
    needs: [audit],
  }),
  feature: endpoint({
    method: 'GET',
    path: `${path}/feature`,
    params: At.extend({
      feature: z.enum(['snapshot', 'clone', 'copy']),
      snapname: SnapshotName.optional(),
    }),
    reply: Feature,
    needs: [audit],
  }),
  // Once it is sent late the object may be deleted: nobody would find the snapshot.
  create: endpoint({
    method: 'POST',
    path: `${path}/snapshot`,
    params: At.extend({ snapname: SnapshotName, description: z.string(), vmstate: z.boolean() }),
    reply: UpidText,
    needs: [snapshot],
    irreversible: true,
  }),
  remove: endpoint({
    method: 'DELETE',
    path: `${path}/snapshot/{snapname}`,
    params: OnSnapshot,
    reply: UpidText,
    needs: [snapshot],
    irreversible: true,
  }),
  rollback: endpoint({
    method: 'POST',
    path: `${path}/snapshot/{snapname}/rollback`,
    params: OnSnapshot,
    reply: UpidText,
    needs: [rollback],
    irreversible: true,
  }),
} as const;

export interface SnapshotRequest {
  readonly name: string;
  readonly description: string;
  /** PVE ignores it for a guest that is stopped. */
  readonly memory: boolean;
}

export interface Snapshots {
  list(options?: CallOptions): Promise<SnapshotList>;
  /** Whether the storages of all disks support snapshots, in the formats that the disks have. */
  areSupported(options?: CallOptions): Promise<boolean>;
  /** Whether all disks of a snapshot can be cloned: linked (`clone`), or in full (`copy`). */
  canClone(name: string, how: 'clone' | 'copy', options?: CallOptions): Promise<boolean>;
  /** Requires VM.Snapshot. A name that is in use fails the task. */
  create(request: SnapshotRequest, options?: CallOptions): Promise<Upid>;
  /** Requires VM.Snapshot. Snapshots that are based on it are based on its parent afterwards. */
  remove(name: string, options?: CallOptions): Promise<Upid>;
  /** Requires VM.Snapshot.Rollback or VM.Snapshot. The guest is stopped afterwards, or runs if the snapshot has memory. */
  rollback(name: string, options?: CallOptions): Promise<Upid>;
}

export const snapshots = (send: Send, at: { readonly node: NodeName; readonly vmid: Vmid }): Snapshots => ({
  list: (options) => send(SNAPSHOT.list, at, options),
  areSupported: (options) => send(SNAPSHOT.feature, { ...at, feature: 'snapshot' }, options),
  canClone: (snapname, feature, options) => send(SNAPSHOT.feature, { ...at, feature, snapname }, options),
  create: ({ name, description, memory }, options) =>
    send(SNAPSHOT.create, { ...at, snapname: name, description, vmstate: memory }, options),
  remove: (name, options) => send(SNAPSHOT.remove, { ...at, snapname: name }, options),
  rollback: (name, options) => send(SNAPSHOT.rollback, { ...at, snapname: name }, options),
});
