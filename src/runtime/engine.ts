/** One pass over one object: finalizer first, reconcile, one status write, then events; and when to look again. */
import type { Logger } from 'pino';
import type { Millis } from '../lib/units.ts';
import { millis, seconds } from '../lib/units.ts';
import type { Clock } from './clock.ts';
import type { Controller, Resource, ReconcileResult } from './controller.ts';
import type { Entry, EventSink, Written } from './object-store.ts';
import { retry, stalled, type Outcome } from './outcome.ts';
import type { CoalescingStore } from './coalescing.ts';
import { report, type Finding, type Reported } from './report.ts';

export interface EngineDeps<O extends Resource> {
  /** As in `kind:` of a manifest. */
  readonly kind: string;
  readonly store: CoalescingStore<O>;
  readonly events: EventSink;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborted when passes must end now, not when they should merely come to their end. */
  readonly signal: AbortSignal;
  /** What a thrown error means. `undefined`: nobody expected it, so it is a bug. */
  readonly outcomeOf: (error: unknown) => Outcome | undefined;
  /** Ties the log lines of one pass together. */
  readonly passId: () => string;
}

/** When to look again. `backoff` leaves the delay to the queue; `change` waits for one. */
export type Next =
  { readonly when: 'after'; readonly delay: Millis } | { readonly when: 'backoff' | 'change' };

/** How a pass ended, for metrics and the queue. */
export interface PassResult {
  readonly outcome: Outcome['kind'] | 'held' | 'let go' | 'conflict' | 'bug' | 'skipped';
  readonly reason?: string | undefined;
  readonly next: Next;
}

const NOW: Next = { when: 'after', delay: millis(0) };
const ON_CHANGE: Next = { when: 'change' };
const SKIPPED: PassResult = { outcome: 'skipped', next: ON_CHANGE };

/**
 * Rejects when a write fails for a reason other than a conflict, or when the pass was aborted: nothing is then
 * known to be stored, so the caller backs off and the next pass plans afresh.
 */
export async function runPass<O extends Resource, Status extends object>(
  key: string,
  controller: Controller<O, Status>,
  deps: EngineDeps<O>,
): Promise<PassResult> {
  const entry = deps.store.cached(key);
  if (!entry) return SKIPPED;
  const { finalizer } = controller;
  const held = finalizer !== undefined && entry.metadata.finalizers.includes(finalizer);
  if (isDeleting(entry) && !held) return SKIPPED; // others hold it, not we
  const object = readable(entry);
  // Before the first effect outside: a deletion must find us waiting.
  if (object && finalizer !== undefined && !isDeleting(entry) && wants(controller, object) !== held)
    return setFinalizer(entry, finalizer, held ? 'let go' : 'held', deps);

  const { metadata } = entry;
  const log = deps.log.child({
    controller: controller.name,
    namespace: metadata.namespace,
    name: metadata.name,
    passId: deps.passId(),
  });
  const observation = new Observation(entry, deps);
  const finding = object ? await look(object, controller, { observation, deps, log }) : unreadable(entry);
  return finding.outcome.kind === 'released'
    ? release(observation.entry, finalizer, deps, finding)
    : conclude(finding, await report(observation.entry, finding, { ...deps, log }), deps.store.dueIn(key));
}

const wants = <O extends Resource, Status extends object>(
  { holds }: Controller<O, Status>,
  object: O,
): boolean => holds?.(object) ?? true;

async function setFinalizer<O extends Resource>(
  entry: Entry<O>,
  finalizer: string,
  outcome: 'held' | 'let go',
  deps: EngineDeps<O>,
): Promise<PassResult> {
  const others = entry.metadata.finalizers.filter((name) => name !== finalizer);
  const written = await deps.store.writeFinalizers(
    entry,
    outcome === 'held' ? [...others, finalizer] : others,
  );
  return afterWrite(written, entry.key, deps, { outcome, next: NOW });
}

/** @param due when a report that waits must be written at the latest */
function conclude(finding: Finding, stored: Reported, due: Millis | undefined): PassResult {
  if (stored === 'gone') return SKIPPED;
  if (stored === 'conflict') return { outcome: 'conflict', next: NOW };
  const { outcome } = finding;
  return {
    outcome: finding.isBug ? 'bug' : outcome.kind,
    reason: 'reason' in outcome ? outcome.reason : undefined,
    next: notAfter(due, nextOf(outcome)),
  };
}

/** An answer of the API server this old is as good as one that was asked for now: so long may a request take, too. */
const JUST_NOW = seconds(1);

/** What the pass has seen last of its object: the cache at first, the API server once the controller asked for it. */
class Observation<O extends Resource> {
  entry: Entry<O>;
  readonly #deps: EngineDeps<O>;

  constructor(entry: Entry<O>, deps: EngineDeps<O>) {
    this.entry = entry;
    this.#deps = deps;
  }

  async reread(): Promise<O | undefined> {
    const live = await this.#deps.store.fetch(this.entry.key, this.#deps.signal, JUST_NOW);
    if (live?.metadata.uid !== this.entry.metadata.uid) return undefined; // its name may have gone to another by now
    this.entry = live;
    const object = readable(live);
    if (!object) throw new Unreadable();
    return object;
  }
}

/** The object became unreadable while a pass was looking at it. */
class Unreadable extends Error {}

/** Asks the controller, and gives whatever it throws a meaning. */
async function look<O extends Resource, Status extends object>(
  object: O,
  controller: Controller<O, Status>,
  { observation, deps, log }: { observation: Observation<O>; deps: EngineDeps<O>; log: Logger },
): Promise<Finding> {
  const deleting = isDeleting(observation.entry);
  try {
    const result = await controller.reconcile(object, {
      now: deps.clock.now(),
      signal: deps.signal,
      log,
      deleting,
      reread: () => observation.reread(),
    });
    if (result.outcome.kind === 'released' && !isDeleting(observation.entry))
      throw new Error('the controller let go of an object that is not being deleted');
    return found(result);
  } catch (error) {
    if (deps.signal.aborted) throw error;
    if (error instanceof Unreadable) return unreadable(observation.entry);
    const outcome = deps.outcomeOf(error);
    if (outcome) {
      log.debug({ err: error, outcome: outcome.kind }, 'pass was cut short');
      return { outcome, fields: 'unknown', domain: 'unknown', events: [] };
    }
    log.error({ err: error }, 'bug: the controller threw what nobody expected');
    return { outcome: unexpected, fields: 'unknown', domain: 'unknown', events: [], isBug: true };
  }
}

const unexpected = retry(
  'InternalError',
  'The operator met an error that it does not know; it keeps trying. The details are in its log, under the name of this object.',
);

function found<Status extends object>(result: ReconcileResult<Status>): Finding {
  return {
    outcome: result.outcome,
    fields: Object.fromEntries(Object.entries(result.status)),
    domain: result.conditions ?? [],
    events: result.events ?? [],
    deferrable: result.deferrable,
  };
}

function unreadable<O extends Resource>(entry: Entry<O>): Finding {
  const way = isDeleting(entry)
    ? 'What it made cannot be found this way: correct the object, or remove what it made by hand and then its finalizer.'
    : 'Correct the object; nothing is done for it until then.';
  const outcome = stalled('InvalidSpec', `${entry.problem ?? 'The object cannot be read.'} ${way}`);
  return { outcome, fields: 'unknown', domain: 'unknown', events: [] };
}

const isDeleting = (entry: Entry<Resource>): boolean => entry.metadata.deletionTimestamp !== undefined;

/** To make something takes the whole wish; to let go of it, what is left of the wish is enough. */
const readable = <O extends Resource>(entry: Entry<O>): O | undefined =>
  entry.object ?? (isDeleting(entry) ? entry.salvaged : undefined);

async function release<O extends Resource>(
  entry: Entry<O>,
  finalizer: string | undefined,
  deps: EngineDeps<O>,
  finding: Finding,
): Promise<PassResult> {
  const others = entry.metadata.finalizers.filter((name) => name !== finalizer);
  const written = await deps.store.writeFinalizers(entry, others);
  if (written !== 'conflict')
    for (const note of finding.events)
      deps.events.publish({ kind: deps.kind, metadata: entry.metadata }, note);
  return afterWrite(written, entry.key, deps, { outcome: 'released', next: ON_CHANGE });
}

async function afterWrite<O extends Resource>(
  written: Written<O>,
  key: string,
  deps: EngineDeps<O>,
  result: PassResult,
): Promise<PassResult> {
  if (written === 'gone') return SKIPPED;
  if (written !== 'conflict') return result;
  await deps.store.fetch(key, deps.signal); // or the next pass would start from the same old sight
  return { outcome: 'conflict', next: NOW };
}

function nextOf(outcome: Outcome): Next {
  if (outcome.kind === 'retry') return { when: 'backoff' };
  if (outcome.kind === 'released' || outcome.again === undefined) return ON_CHANGE;
  return { when: 'after', delay: outcome.again };
}

const notAfter = (due: Millis | undefined, next: Next): Next =>
  due === undefined || (next.when === 'after' && next.delay <= due) ? next : { when: 'after', delay: due };
