/** Which snapshots of a schedule are deleted. Pure. */
import type { VMSnapshotScheduleSpec } from '../../src/api/index.ts';
import { millis } from '../../src/lib/units.ts';
import type { Snapshot } from './model.ts';

type Retention = NonNullable<VMSnapshotScheduleSpec['retention']>;

/** VMSnapshots of a VM that failed and took nothing: those before these say nothing new. */
const FAILURES_KEPT = 3;

/**
 * Only what neither field keeps, VM by VM, and never the newest that is ready. Without a field nothing, except that
 * VMSnapshots of a VM that was deleted go with it. It yields where the work may be interrupted.
 * @param snapshots those of the schedule, and no others
 */
export function* prunable(
  snapshots: readonly Snapshot[],
  retention: Retention,
  now: number,
): Generator<void, readonly Snapshot[]> {
  const found: Snapshot[] = [];
  const byVM = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const { vm, kept, state } = snapshot;
    yield;
    if (kept) continue;
    if (state === 'vmDeleted') found.push(snapshot);
    if (state !== 'ready' && state !== 'failed') continue;
    const own = byVM.get(vm);
    if (own) own.push(snapshot);
    else byVM.set(vm, [snapshot]);
  }
  if (retention.keepLast === undefined && retention.keepFor === undefined) return found;
  for (const own of byVM.values()) {
    found.push(...ofOneVM(own, retention, now));
    yield;
  }
  return found;
}

const ofOneVM = (
  own: readonly Snapshot[],
  { keepLast = 0, keepFor = millis(0) }: Retention,
  now: number,
): readonly Snapshot[] => [
  ...newestFirst(own, 'ready')
    .slice(Math.max(1, keepLast))
    .filter(({ takenAt }) => now - takenAt > keepFor),
  ...newestFirst(own, 'failed')
    .slice(FAILURES_KEPT)
    .filter(({ claimed }) => !claimed),
];

const newestFirst = (snapshots: readonly Snapshot[], state: Snapshot['state']): readonly Snapshot[] =>
  snapshots
    .filter((snapshot) => snapshot.state === state)
    .toSorted((a, b) => b.takenAt - a.takenAt || (a.name < b.name ? 1 : -1));
