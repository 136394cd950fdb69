/** One pass over one object: finalizer first, reconcile, one status write, then events; and when the next pass is due. */
import type { Logger } from 'pino';
import type { Millis } from '../lib/units.ts';
import { millis, seconds } from '../lib/units.ts';
import type { Clock } from './clock.ts';
import type { Controller, Resource, ReconcileResult } from './controller.ts';
import type { Entry, EventSink, Written } from './object-store.ts';
import { retry, stalled, type Outcome } from './outcome.ts';
import type { CoalescingStore } from './coalescing.ts';
import type { Work } from './pass-reason.ts';
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

/** When the next pass is due. `backoff` leaves the delay to the queue; `change` waits for one. */
export type Next =
  { readonly when: 'after'; readonly delay: Millis } | { readonly when: 'backoff' | 'change' };

/** How a pass ended, for metrics and the queue. */
export interface PassResult {
  readonly outcome: Outcome['kind'] | 'finalizerAdded' | 'finalizerRemoved' | 'conflict' | 'bug' | 'skipped';
  readonly reason?: string | undefined;
  readonly next: Next;
}

const NOW: Next = { when: 'after', delay: millis(0) };
const ON_CHANGE: Next = { when: 'change' };
const SKIPPED: PassResult = { outcome: 'skipped', next: ON_CHANGE };

/**
 * Rejects when a write fails for a reason other than a conflict, or when the pass was aborted: nothing is then
 * known to be stored, so the caller backs off and the next pass plans again.
 */
export async function runPass<O extends Resource, Status extends object>(
  { key, reasons }: Work,
  controller: Controller<O, Status>,
  deps: EngineDeps<O>,
): Promise<PassResult> {
  const entry = deps.store.cached(key);
  if (!entry) return SKIPPED;
  const { finalizer } = controller;
  const hasFinalizer = finalizer !== undefined && entry.metadata.finalizers.includes(finalizer);
  if (isDeleting(entry) && !hasFinalizer) return SKIPPED; // it waits for the finalizers of others
  const object = readable(entry);
  // Before the first effect outside Kubernetes: a deletion must wait for us.
  if (
    object &&
    finalizer !== undefined &&
    !isDeleting(entry) &&
    isNeeded(controller, object) !== hasFinalizer
  )
    return setFinalizer(entry, finalizer, hasFinalizer ? 'finalizerRemoved' : 'finalizerAdded', deps);

  const { metadata } = entry;
  const log = deps.log.child({
    controller: controller.name,
    namespace: metadata.namespace,
    name: metadata.name,
    passId: deps.passId(),
    why: [...reasons],
  });
  const snapshot = new ObjectSnapshot(entry, deps);
  const finding = object
    ? await reconcile(object, controller, { snapshot, reasons, deps, log })
    : unreadable(entry, controller);
  return finding.outcome.kind === 'released'
    ? release(snapshot.entry, finalizer, deps, finding)
    : conclude(finding, await reported(snapshot.entry, finding, { ...deps, log }), deps.store.dueIn(key));
}

/** Where nothing is new, not even the generation counts as observed. What an earlier pass reported is written in time. */
async function reported<O extends Resource>(
  entry: Entry<O>,
  finding: Finding,
  deps: EngineDeps<O>,
): Promise<Reported> {
  if (finding.outcome.kind !== 'unchanged') return report(entry, finding, deps);
  const written = await deps.store.writeDue(entry.key);
  return written === 'conflict' || written === 'gone' ? written : 'stored';
}

const isNeeded = <O extends Resource, Status extends object>(
  { needsFinalizer }: Controller<O, Status>,
  object: O,
): boolean => needsFinalizer?.(object) ?? true;

async function setFinalizer<O extends Resource>(
  entry: Entry<O>,
  finalizer: string,
  outcome: 'finalizerAdded' | 'finalizerRemoved',
  deps: EngineDeps<O>,
): Promise<PassResult> {
  const others = entry.metadata.finalizers.filter((name) => name !== finalizer);
  const written = await deps.store.writeFinalizers(
    entry,
    outcome === 'finalizerAdded' ? [...others, finalizer] : others,
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

/** An answer of the API server this old is as good as a new one, whose request may take as long. */
const JUST_NOW = seconds(1);

/** The newest state of its object that the pass knows: the cache's at first, the API server's once the controller reread it. */
class ObjectSnapshot<O extends Resource> {
  entry: Entry<O>;
  readonly #deps: EngineDeps<O>;

  constructor(entry: Entry<O>, deps: EngineDeps<O>) {
    this.entry = entry;
    this.#deps = deps;
  }

  async reread(): Promise<O | undefined> {
    const live = await this.#deps.store.fetch(this.entry.key, this.#deps.signal, JUST_NOW);
    if (live?.metadata.uid !== this.entry.metadata.uid) return undefined; // another object may have its name by now
    this.entry = live;
    const object = readable(live);
    if (!object) throw new Unreadable();
    return object;
  }
}

/** The object became unreadable during a pass. */
class Unreadable extends Error {}

interface PassContext<O extends Resource> {
  readonly snapshot: ObjectSnapshot<O>;
  readonly reasons: Work['reasons'];
  readonly deps: EngineDeps<O>;
  readonly log: Logger;
}

/** Calls the controller, and maps what it throws to an outcome. */
async function reconcile<O extends Resource, Status extends object>(
  object: O,
  controller: Controller<O, Status>,
  { snapshot, reasons, deps, log }: PassContext<O>,
): Promise<Finding> {
  const deleting = isDeleting(snapshot.entry);
  try {
    const result = await controller.reconcile(object, {
      now: deps.clock.now(),
      signal: deps.signal,
      log,
      deleting,
      reasons,
      reread: () => snapshot.reread(),
    });
    if (result.outcome.kind === 'released' && !isDeleting(snapshot.entry))
      throw new Error('the controller released an object that is not being deleted');
    return findingOf(result);
  } catch (error) {
    if (deps.signal.aborted) throw error;
    if (error instanceof Unreadable) return unreadable(snapshot.entry, controller);
    const outcome = deps.outcomeOf(error);
    if (outcome) {
      log.debug({ err: error, outcome: outcome.kind }, 'pass ended early');
      return cutShort(snapshot.entry, controller, outcome);
    }
    log.error({ err: error }, 'bug: the controller threw an unexpected error');
    return { outcome: unexpected, fields: 'unknown', domain: 'unknown', events: [], isBug: true };
  }
}

const unexpected = retry(
  'InternalError',
  'The operator met an unexpected error and retries. Its log has the details under the name of this object.',
);

function findingOf<Status extends object>(result: ReconcileResult<Status>): Finding {
  return {
    outcome: result.outcome,
    fields: Object.fromEntries(Object.entries(result.status)),
    domain: result.conditions ?? [],
    events: result.events ?? [],
    deferrable: result.deferrable,
    bindsGeneration: result.bindsGeneration,
  };
}

/** Nothing new was observed: what was reported last stays, apart from what the end of the pass says. */
function cutShort<O extends Resource, Status extends object>(
  entry: Entry<O>,
  { afterError }: Pick<Controller<O, Status>, 'afterError'>,
  outcome: Outcome,
): Finding {
  const said = entry.isStatusUnreadable ? undefined : afterError?.(entry.partial, outcome);
  return {
    outcome,
    fields: said ? { ...entry.rawStatus, ...said } : 'unknown',
    domain: 'unknown',
    events: [],
  };
}

function unreadable<O extends Resource, Status extends object>(
  entry: Entry<O>,
  controller: Pick<Controller<O, Status>, 'afterError'>,
): Finding {
  const problem = entry.problem ?? 'The object cannot be read.';
  const outcome = entry.isStatusUnreadable
    ? stalled('UnreadableStatus', `${problem} ${wayToReadableStatus(entry)}`)
    : stalled('InvalidSpec', `${problem} ${wayToValidSpec(entry)}`);
  return cutShort(entry, controller, outcome);
}

const BY_HAND = 'or delete what was created and then its finalizer by hand';

const wayToValidSpec = (entry: Entry<Resource>): string =>
  isDeleting(entry)
    ? `What was created for it cannot be found: correct the object, ${BY_HAND}.`
    : 'Correct the object; nothing is done for it until then.';

function wayToReadableStatus(entry: Entry<Resource>): string {
  const ways = 'Run the version that wrote it, or correct the field with kubectl edit --subresource=status';
  return (
    'Another version of the operator wrote the status, or it was edited. Nothing is done for the object, and what it has stays reserved. ' +
    `${ways}${isDeleting(entry) ? `, ${BY_HAND}` : ''}.`
  );
}

const isDeleting = (entry: Entry<Resource>): boolean => entry.metadata.deletionTimestamp !== undefined;

/** To create something takes the whole spec; to release it, the readable part of the spec is enough. */
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
  await deps.store.fetch(key, deps.signal); // or the next pass would start from the same old state
  return { outcome: 'conflict', next: NOW };
}

function nextOf(outcome: Outcome): Next {
  if (outcome.kind === 'retry') return { when: 'backoff' };
  if (outcome.kind === 'released' || outcome.again === undefined) return ON_CHANGE;
  return { when: 'after', delay: outcome.again };
}

const notAfter = (due: Millis | undefined, next: Next): Next =>
  due === undefined || (next.when === 'after' && next.delay <= due) ? next : { when: 'after', delay: due };
