/** Runs one controller: a queue and the workers that empty it. */
import type { Logger } from 'pino';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';
import type { Controller, Resource } from './controller.ts';
import { limitedSignal } from './deadline.ts';
import { runPass, type PassResult } from './engine.ts';
import type { Path } from './fair-shares.ts';
import type { EventSink, ObjectStore } from './object-store.ts';
import type { Outcome } from './outcome.ts';
import { coalescing } from './coalescing.ts';
import type { PassReason, Work } from './pass-reason.ts';
import { WorkQueue } from './queue.ts';

/** One finished pass, for metrics. `error`: a write failed, so nothing is known to be stored. */
export interface PassRecord {
  readonly kind: string;
  /** Why it ran; all that were merged. */
  readonly reasons: ReadonlySet<PassReason>;
  readonly outcome: PassResult['outcome'] | 'error';
  readonly reason?: string | undefined;
  readonly duration: Millis;
}

export interface RunnerOptions<O extends Resource, Status extends object> {
  readonly kind: string;
  readonly controller: Controller<O, Status>;
  readonly store: ObjectStore<O>;
  readonly events: EventSink;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** How many passes may run at the same time; no group of keys gets all of them. */
  readonly workers: number;
  /** The groups that share the workers, from the outermost inwards; absent: all keys are equal. */
  readonly groupsOf?: ((key: string) => Path) | undefined;
  readonly outcomeOf: (error: unknown) => Outcome | undefined;
  readonly onPass: (record: PassRecord) => void;
  readonly passId: () => string;
}

export interface Runner {
  readonly kind: string;
  readonly queue: WorkQueue;
  /** Starts with a pass over every object; from then on the queue says. */
  start(): void;
  /** Takes no more keys and waits for running passes; those still running after `grace` are aborted. */
  stop(grace: Millis): Promise<void>;
}

/** An aborted pass has this long to notice. */
const LAST_CALL = seconds(2);
/**
 * Each request has a deadline, but a server may answer many just in time. After this a pass waits for nothing more: the
 * next one starts again, and a server that is slow never makes the process look as if it hung (see `Manager.alive`).
 */
const MAX_PASS = minutes(10);

export function controllerRunner<O extends Resource, Status extends object>(
  options: RunnerOptions<O, Status>,
): Runner {
  const { kind, controller, clock, log } = options;
  const store = coalescing(options.store, clock);
  const { workers: count, groupsOf } = options;
  const queue = new WorkQueue({
    clock,
    random: options.random,
    workers: count,
    ...(groupsOf && { groupsOf }),
  });
  const aborting = new AbortController();
  let workers: Promise<unknown> = Promise.resolve();

  async function pass(work: Work): Promise<void> {
    const { key, reasons } = work;
    const started = clock.monotonic();
    const record = (outcome: PassRecord['outcome'], reason?: string): void =>
      options.onPass({ kind, reasons, outcome, reason, duration: millis(clock.monotonic() - started) });
    const { signal, release } = limitedSignal({
      clock,
      limit: MAX_PASS,
      signal: aborting.signal,
      overdue: 'The pass took longer than ten minutes.',
    });
    try {
      const result = await runPass(work, controller, { ...options, store, signal });
      record(result.outcome, result.reason);
      scheduleNext(queue, key, result);
    } catch (error) {
      if (aborting.signal.aborted) return;
      record('error');
      const delay = queue.retry(key);
      log.warn({ err: error, controller: controller.name, key, afterMs: delay }, 'pass failed');
    } finally {
      release();
    }
  }

  async function work(): Promise<void> {
    for (let next = await queue.take(); next; next = await queue.take()) {
      await pass(next);
      queue.done(next.key);
    }
  }

  return {
    kind,
    queue,
    start() {
      for (const key of store.keys()) queue.add(key, 'startup');
      workers = Promise.all(Array.from({ length: count }, work));
    },
    async stop(grace) {
      queue.shutdown();
      await within(grace, workers, clock);
      // Without grace another process may lead already, and write the object.
      if (grace > 0) await within(LAST_CALL, store.flush(), clock);
      aborting.abort(new Error('the operator is stopping'));
      await within(LAST_CALL, workers, clock);
    },
  };
}

function scheduleNext(queue: WorkQueue, key: string, { outcome, next }: PassResult): void {
  if (next.when === 'backoff') queue.retry(key);
  else queue.forget(key);
  if (next.when !== 'after') return;
  const soon = next.delay <= 0 ? 'nextStep' : 'timer';
  queue.addAfter(key, next.delay, outcome === 'conflict' ? 'retry' : soon);
}

async function within(limit: Millis, work: Promise<unknown>, clock: Clock): Promise<void> {
  const finished = new AbortController();
  await Promise.race([work, sleep(clock, limit, finished.signal)]);
  finished.abort();
}
