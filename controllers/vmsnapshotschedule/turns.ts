/** Whose turn it is in a run: how far it has come, and what happens to the next VMs. Pure. */
import type { VMSnapshotScheduleSpec } from '../../src/api/index.ts';
import { minutes } from '../../src/lib/units.ts';
import { finished } from './due.ts';
import type { Bookkeeping, Candidate, Run, SkippedVM, Snapshot, StorageUse } from './model.ts';

/** How far a run looks ahead while a storage is busy. */
export const WINDOW = 64;
/** VMSnapshots of one schedule that may be unfinished at the same time. */
export const MAX_ACTIVE = 8;
const MAX_LISTED = 16;
/** After its start the operator does not know the storages until the Providers are connected. */
const UNKNOWN_FOR = minutes(5);

/** Those that the run has not dealt with, by name. */
export function remaining(
  vms: readonly string[],
  { cursor = '', ahead = [] }: Bookkeeping,
): readonly string[] {
  const done = new Set(ahead);
  return vms.filter((name) => name > cursor && !done.has(name)).toSorted(byCodePoint);
}

/** The next ones; at least one as long as any remain. */
export const windowOf = (names: readonly string[], { ahead = [] }: Bookkeeping): readonly string[] =>
  names.slice(0, Math.max(1, WINDOW - ahead.length));

/** As `<` compares, which the cursor relies on. */
const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export type Turn =
  | { readonly vm: string; readonly kind: 'create'; readonly name: string }
  /** It was created by a pass that could not record it. */
  | { readonly vm: string; readonly kind: 'created' }
  | { readonly vm: string; readonly kind: 'skip'; readonly skipped: SkippedVM };

export interface TurnInputs {
  readonly spec: Pick<VMSnapshotScheduleSpec, 'concurrencyPolicy' | 'skipAboveStorageUsage'>;
  readonly run: Run;
  readonly candidates: readonly Candidate[];
  /** The VMSnapshots of the schedule. */
  readonly snapshots: readonly Snapshot[];
  /** Keys of the storages on which a snapshot of any schedule is being taken. */
  readonly busy: ReadonlySet<string>;
  readonly nameFor: (vm: string) => string;
  readonly now: number;
}

/** A VM that is not in the result has to wait. */
export function turnsOf(inputs: TurnInputs): readonly Turn[] {
  const { candidates, snapshots, nameFor } = inputs;
  const candidateVMs = new Set(candidates.map(({ vm }) => vm));
  const theirs = snapshots.filter(({ vm }) => candidateVMs.has(vm));
  const names = new Set(theirs.map(({ name }) => name));
  const unfinished = new Map(
    theirs.flatMap(({ vm, name, state }) => (state === 'unfinished' ? [[vm, name] as const] : [])),
  );
  const busy = new Set(inputs.busy);
  let free = MAX_ACTIVE - snapshots.filter(({ state, holds }) => state === 'unfinished' && holds).length;
  return candidates.flatMap((candidate): readonly Turn[] => {
    const { vm, storages } = candidate;
    const name = nameFor(vm);
    if (names.has(name)) return [{ vm, kind: 'created' }];
    const skipped = reasonToSkip(candidate, unfinished.get(vm), inputs);
    if (skipped === 'wait') return [];
    if (skipped) return [{ vm, kind: 'skip', skipped: { name: vm, ...skipped } }];
    if (free <= 0 || storages.some(({ key }) => busy.has(key))) return [];
    free -= 1;
    for (const { key } of storages) busy.add(key);
    return [{ vm, kind: 'create', name }];
  });
}

function reasonToSkip(
  { isCreated, storages }: Candidate,
  previous: string | undefined,
  { spec, run, now }: TurnInputs,
): Omit<SkippedVM, 'name'> | 'wait' | undefined {
  if (!isCreated) return { reason: 'NotCreated', message: 'The VM does not exist in Proxmox VE yet.' };
  if (previous !== undefined && spec.concurrencyPolicy !== 'Allow')
    return {
      reason: 'PreviousNotFinished',
      message: `VMSnapshot ${previous} is not finished; its condition Ready says why.`,
    };
  const limit = spec.skipAboveStorageUsage;
  if (limit === undefined) return undefined;
  if (storages.length === 0 || storages.some(({ usedPercent }) => usedPercent === undefined))
    return Math.abs(now - Date.parse(run.startedAt)) < UNKNOWN_FOR
      ? 'wait'
      : { reason: 'StorageUnknown', message: 'How full the storages of the VM are could not be read.' };
  const full = storages.find(({ usedPercent = 0 }) => usedPercent > limit);
  return full && { reason: 'StorageFull', message: fullMessage(full, limit) };
}

const fullMessage = ({ name, usedPercent = 0 }: StorageUse, limit: number): string =>
  `${Math.floor(usedPercent)} % of storage ${name} is used, more than the ${limit} % of spec.skipAboveStorageUsage. Free up space, or raise the limit.`;

/** What became of a turn. */
export interface Handled {
  readonly vm: string;
  /** Absent: its VMSnapshot was created. */
  readonly skipped?: SkippedVM | undefined;
}

/** @param names all that remained before, by name */
export function afterTurns(
  run: Run,
  internal: Bookkeeping,
  {
    names,
    handled,
    now,
  }: { readonly names: readonly string[]; readonly handled: readonly Handled[]; readonly now: string },
): { readonly run: Run; readonly internal: Bookkeeping } {
  const skipped = handled.flatMap((each) => each.skipped ?? []);
  const listed = [...(run.skippedVMs ?? []), ...skipped].slice(0, MAX_LISTED);
  const counted: Run = {
    ...run,
    created: run.created + handled.length - skipped.length,
    skipped: run.skipped + skipped.length,
    ...(listed.length > 0 && { skippedVMs: listed }),
  };
  const done = new Set(handled.map(({ vm }) => vm));
  const first = names.find((name) => !done.has(name));
  if (first === undefined) return { run: { ...counted, completedAt: now }, internal: finished(internal) };
  const all = [...(internal.ahead ?? []), ...done].toSorted(byCodePoint);
  const passed = all.filter((name) => name < first).at(-1) ?? internal.cursor;
  const ahead = all.filter((name) => name > first);
  return {
    run: counted,
    internal: {
      ...finished(internal),
      ...(passed !== undefined && { cursor: passed }),
      ...(ahead.length > 0 && { ahead }),
    },
  };
}
