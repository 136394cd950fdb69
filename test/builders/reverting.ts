/** A VMSnapshot that reverts the VM of a life, as its controller would, and what Proxmox VE makes of it. */
import { VMSnapshot } from '../../src/api/index.ts';
import type { GuestConfig } from '../../controllers/shared/guests/model.ts';
import type { ModelGuest } from './in-memory-pve.ts';
import type { Life } from './life.ts';
import { UID } from './objects.ts';

type Snapshot = VMSnapshot;

export const REQUESTED_AT = '2026-03-01T12:30:00Z';

export const aSnapshot = (status: Record<string, unknown> = {}, name = 'before'): Snapshot => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMSnapshot',
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-of-${name}`,
    resourceVersion: '1',
    generation: 1,
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec: { vmRef: { name: 'web' } },
  status: VMSnapshot.status.parse(status),
});

const BOOKKEEPING = /^(unused\d+|description|lock|parent)$/;

/** @param keeps whether the guest keeps its description, as PVE 9 does */
export function rollBack(guest: ModelGuest, to: GuestConfig, { keeps = true, memory = false } = {}): void {
  const now = Object.entries(guest.config);
  const back = Object.fromEntries(Object.entries(to).filter(([key]) => !BOOKKEEPING.test(key)));
  const volumes = new Set(Object.values(back).map(volumeOf));
  const left = now
    .filter(([key, text]) => /^(scsi|unused)\d+$/.test(key) && !volumes.has(volumeOf(text)))
    .map(([, text], n) => [`unused${n}`, volumeOf(text)] as const);
  guest.config = {
    ...back,
    ...(keeps && { description: guest.config['description'] ?? '' }),
    ...Object.fromEntries(left),
    parent: 'before',
    vmgenid: 'another',
  };
  guest.inForce = guest.config;
  guest.running = memory;
  guest.digest += 1;
}

const volumeOf = (text: string): string => text.split(',')[0] ?? text;

/** One revert, from its announcement to its result. */
export class Reverting {
  status: Record<string, unknown> = {};
  /** How the guest was when the snapshot was taken. */
  config: GuestConfig = {};
  keeps = true;
  rollbacks = 0;
  result: 'Reverted' | 'Failed' | 'NotRun' | 'Unknown' = 'Reverted';
  /** Whether another task of the guest ran when it was rolled back. */
  disturbed = false;
  readonly #vmid: number;

  constructor(life: Life) {
    this.#vmid = life.status.vmid ?? 0;
    this.config = { ...this.guest(life).config };
  }

  guest(life: Life): ModelGuest {
    const guest = life.pve.guests.get(this.#vmid);
    if (!guest) throw new Error('there is no guest');
    return guest;
  }

  get snapshots(): readonly Snapshot[] {
    return [aSnapshot({ internal: { vmUID: UID, vmid: this.#vmid }, ...this.status })];
  }

  #revert(state: 'Announced' | 'Sent'): void {
    const at = '2026-03-01T12:30:00Z';
    this.status = {
      internal: { vmUID: UID, vmid: this.#vmid, revert: { requestedAt: REQUESTED_AT, state, at } },
    };
  }

  announce(): void {
    this.#revert('Announced');
  }

  /** What the controller of the VMSnapshot does, one step at a time. */
  step(life: Life): void {
    const { revert } = (this.status['internal'] ?? {}) as { readonly revert?: { readonly state: string } };
    const { task, internal } = life.status;
    const isAsked = internal?.revert?.state === 'Announced' && internal.revert.requestedAt === REQUESTED_AT;
    if (revert?.state === 'Announced' && isAsked && task === undefined) {
      this.#revert('Sent');
    } else if (revert?.state === 'Sent') this.end(life);
  }

  #hasTask(life: Life): boolean {
    const tasks = life.pve.answer('GET /cluster/tasks', {}) as readonly {
      readonly id: string;
      readonly endtime?: number;
    }[];
    return tasks.some(({ id, endtime }) => id === String(this.#vmid) && endtime === undefined);
  }

  end(life: Life): void {
    if (this.result === 'Reverted') {
      this.disturbed ||= this.#hasTask(life);
      rollBack(this.guest(life), this.config, { keeps: this.keeps });
      this.rollbacks += 1;
    }
    this.status = {
      internal: { vmUID: UID, vmid: this.#vmid },
      lastRevert: { requestedAt: REQUESTED_AT, result: this.result, at: '2026-03-01T12:31:00Z' },
    };
  }
}
