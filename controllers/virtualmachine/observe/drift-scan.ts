/**
 * Reads settled guests again, the one read longest ago first. Each PVE cluster has a budget, so that the cost of the scan
 * does not grow with the number of its VMs: the more VMs, the less often each of them is read.
 */
import { minutes, seconds, type Millis } from '../../../src/lib/units.ts';
import type { ProcessStates } from '../model/process-state.ts';

export interface DriftScanOptions {
  readonly processStates: ProcessStates;
  /** Asks for a pass over the object with this uid. */
  readonly enqueue: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
}

/** One guest of each PVE cluster a tick: two reads a second at most. */
export const DRIFT_TICK: Millis = seconds(0.5);
/** No guest is read more often than this. */
export const DRIFT_INTERVAL: Millis = minutes(5);
/** By then the list of guests has been read again. */
export const RELIST: Millis = seconds(6);

/** When a guest was read, from the scan's point of view: one that the list does not show as it is, is read again in a few seconds. */
export const readAt = (now: number, listed: 'listed' | 'unlisted'): number =>
  listed === 'listed' ? now : now - DRIFT_INTERVAL + RELIST;

/** To be called every `DRIFT_TICK`. */
export function driftScan({ processStates, enqueue, now }: DriftScanOptions): void {
  for (const { uid, at } of processStates.oldest()) {
    if (now() - at < DRIFT_INTERVAL) continue;
    processStates.invalidate(uid);
    enqueue(uid);
  }
}
