/** Which snapshots of a schedule are deleted. Pure. */
import type { VMSnapshotScheduleSpec } from '../../src/api/index.ts';
import type { Snapshot } from './model.ts';

type Retention = NonNullable<VMSnapshotScheduleSpec['retention']>;

/** VMSnapshots of a VM that failed and took nothing: those before these say nothing new. */
const FAILURES_KEPT = 3;

/**
 * Only what neither field keeps, VM by VM, and never the newest that is ready. Without a field nothing.
 * @param snapshots those of the schedule, and no others
 */
export function prunable(
  snapshots: readonly Snapshot[],
  { keepLast, keepFor }: Retention,
  now: number,
): readonly Snapshot[] {
  if (keepLast === undefined && keepFor === undefined) return [];
  const candidates = snapshots.filter(({ kept, state }) => !kept && state !== 'deleting');
  const byVM = Map.groupBy(candidates, ({ vm }) => vm);
  return [...byVM.values()].flatMap((own) => [
    ...newestFirst(own, 'ready')
      .slice(Math.max(1, keepLast ?? 0))
      .filter(({ takenAt }) => keepFor === undefined || now - takenAt > keepFor),
    ...newestFirst(own, 'failed')
      .slice(FAILURES_KEPT)
      .filter(({ claimed }) => !claimed),
  ]);
}

const newestFirst = (snapshots: readonly Snapshot[], state: Snapshot['state']): readonly Snapshot[] =>
  snapshots
    .filter((snapshot) => snapshot.state === state)
    .toSorted((a, b) => b.takenAt - a.takenAt || (a.name < b.name ? 1 : -1));
