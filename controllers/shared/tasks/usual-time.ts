/**
 * How long tasks of one sort usually take on a PVE cluster, learned from those that ended. Most are over in about the
 * time that the one before them took, so one that just began is first asked for then. Pure.
 */
import type { TaskName } from '../../../src/pve/index.ts';

export type UsualTimes = ReadonlyMap<string, number>;

/** A clone is filed under its template, and takes as long as the template's disks do. */
const sortOf = ({ type, id }: Pick<TaskName, 'type' | 'id'>): string =>
  type === 'qmclone' ? `${type} ${id}` : type;

/** The sorts are words of Proxmox VE. */
const MAX_SORTS = 100;
/** Longer than any gap: an estimate says nothing more then. */
const MAX_USUAL_MS = 2_000;

export interface EndedTask extends Pick<TaskName, 'type' | 'id'> {
  /** Between its start and when its end was noticed. */
  readonly tookMs: number;
  /** It was asked for and still ran, so it ended shortly before that was noticed. Otherwise it may have ended long before. */
  readonly wasSeenRunning: boolean;
}

/** What is expected of the next task of this sort. An estimate that was too long falls until a task is seen running again. */
export function withEnded(times: UsualTimes, { type, id, tookMs, wasSeenRunning }: EndedTask): UsualTimes {
  const sort = sortOf({ type, id });
  const known = times.get(sort);
  if (known === undefined && times.size >= MAX_SORTS) return times;
  const took = Math.min(tookMs, MAX_USUAL_MS);
  if (known === undefined) return new Map(times).set(sort, took);
  return new Map(times).set(sort, wasSeenRunning ? (known + took) / 2 : Math.min(known, took) * 0.9);
}

export const usualMs = (times: UsualTimes, task: Pick<TaskName, 'type' | 'id'>): number | undefined =>
  times.get(sortOf(task));
