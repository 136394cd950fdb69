/** What a pass found, written down: one status write that replaces the whole, and what follows from it. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import { conditionsOf, isTransition } from './conditions.ts';
import type { DomainCondition, EventNote, Resource } from './controller.ts';
import type { Entry, EventSink } from './object-store.ts';
import type { Outcome } from './outcome.ts';
import type { CoalescingStore } from './coalescing.ts';

export interface Finding {
  readonly outcome: Outcome;
  /** `'unknown'`: the pass was cut short, so what was reported last stays. */
  readonly fields: Readonly<Record<string, unknown>> | 'unknown';
  readonly domain: readonly DomainCondition[] | 'unknown';
  readonly events: readonly EventNote[];
  readonly isBug?: true;
  readonly deferrable?: boolean | undefined;
  readonly bindsGeneration?: boolean | undefined;
}

/** `conflict` and `gone` mean that nothing was written. */
export type Reported = 'stored' | 'conflict' | 'gone';

interface ReportDeps<O extends Resource> {
  readonly kind: string;
  readonly store: CoalescingStore<O>;
  readonly events: EventSink;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Writes only what differs from what is stored. Events follow the write, so that nothing is announced that was not kept. */
export async function report<O extends Resource>(
  entry: Entry<O>,
  finding: Finding,
  deps: ReportDeps<O>,
): Promise<Reported> {
  const { metadata, rawStatus = {} } = entry;
  const conditions = conditionsOf({
    outcome: finding.outcome,
    domain: finding.domain,
    previous: entry.conditions,
    generation: metadata.generation,
    deleting: metadata.deletionTimestamp !== undefined,
    now: deps.clock.now(),
  });
  const status = {
    ...(finding.fields === 'unknown' ? rawStatus : deps.store.completed(entry, finding.fields)),
    observedGeneration: metadata.generation,
    conditions,
  };
  const stored = isSaid(entry, asJson(status), finding, deps)
    ? 'stored'
    : await write(entry, status, finding, deps);
  if (stored !== 'stored') return stored;
  tell(entry, finding, isTransition(entry.conditions, conditions), deps);
  return 'stored';
}

type Json = Readonly<Record<string, unknown>>;

/** As it will read when it comes back: without members that are undefined. */
function asJson(value: Json): Json {
  const read: unknown = JSON.parse(JSON.stringify(value));
  return isObject(read) ? read : {};
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Nothing needs to be written: it is stored already, or may wait. */
function isSaid<O extends Resource>(
  entry: Entry<O>,
  status: Json,
  { deferrable = false }: Finding,
  { store }: ReportDeps<O>,
): boolean {
  if (isDeepStrictEqual(status, entry.rawStatus)) return store.dueIn(entry.key) !== 0;
  return deferrable && store.postpone(entry, status);
}

/**
 * Only the operator writes status, so a write by another client meanwhile was to something else. Then the status is
 * applied to the newer object once: a task that was started in this pass must not be forgotten because of a label.
 */
async function write<O extends Resource>(
  entry: Entry<O>,
  status: Readonly<Record<string, unknown>>,
  { bindsGeneration = false }: Finding,
  { store, signal }: ReportDeps<O>,
): Promise<Reported> {
  const first = await store.writeStatus(entry, status);
  if (first === 'gone') return 'gone';
  if (first !== 'conflict') return 'stored';
  const live = await store.fetch(entry.key, signal);
  if (live?.metadata.uid !== entry.metadata.uid) return 'gone';
  if (!isDeepStrictEqual(live.rawStatus, entry.rawStatus)) return 'conflict';
  if (bindsGeneration && live.metadata.generation !== entry.metadata.generation) return 'conflict';
  const second = await store.writeStatus(live, status);
  return second === 'conflict' || second === 'gone' ? second : 'stored';
}

function tell<O extends Resource>(
  entry: Entry<O>,
  { outcome, events }: Finding,
  isNews: boolean,
  deps: ReportDeps<O>,
): void {
  const about = { kind: deps.kind, metadata: entry.metadata };
  for (const note of events) deps.events.publish(about, note);
  const reason = 'reason' in outcome ? outcome.reason : undefined;
  if (!isNews) {
    deps.log.debug({ outcome: outcome.kind, reason }, 'pass');
    return;
  }
  const { generation, uid } = entry.metadata;
  const level = needsPerson(outcome, events) ? 'warn' : 'info';
  deps.log[level]({ outcome: outcome.kind, reason, generation, uid }, sentenceOf(outcome));
  if (outcome.kind === 'stalled' && !events.some((note) => note.reason === outcome.reason))
    deps.events.publish(about, {
      type: 'Warning',
      reason: outcome.reason,
      message: outcome.message,
      ofCondition: true,
    });
}

const needsPerson = (outcome: Outcome, events: readonly EventNote[]): boolean =>
  outcome.kind === 'stalled' || events.some(({ ofCondition }) => ofCondition);

/** As the condition Ready has it. */
const sentenceOf = (outcome: Outcome): string =>
  'message' in outcome
    ? outcome.message
    : outcome.kind === 'settled'
      ? (outcome.because?.message ?? 'The spec is fulfilled.')
      : outcome.kind;
