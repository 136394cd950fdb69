/**
 * Writes Events, one after another: when hundreds of VMs change at once, their status updates take precedence.
 * Repetitions of an event of an object are counted in its series, which is written only from time to time, and the rate of
 * writes is limited, for each namespace and for all together.
 */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { API_VERSION } from '../api/group.ts';
import type { Millis } from '../lib/units.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventNote } from '../runtime/controller.ts';
import { truncate } from '../runtime/message.ts';
import type { EventSink } from '../runtime/object-store.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { eventBudget } from './event-budget.ts';
import { begun, hasEnded, isDue, repeated, written, type Series } from './event-series.ts';
import { apiVersionOf, EVENTS } from './resource.ts';

export interface EventRecorder extends EventSink {
  /** Writes the remaining events in parallel. Resolves once every published event has been written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'replace'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The reporting process: the pod's name. */
  readonly instance: string;
}

type About = Parameters<EventSink['publish']>[0];

const REPORTER = 'virtrigaud.io/proxmox';

export function eventRecorder({ client, clock, log, instance }: EventRecorderOptions): EventRecorder {
  /** By what they say, the one that occurred longest ago first. */
  const published = new Map<string, Series>();
  const unwritten: (() => Promise<void>)[] = [];
  let writing: Promise<void> | undefined;
  const budget = eventBudget();
  // Another process may have published an event of this name in the same millisecond.
  let serial = randomInt(0x1000);

  function seriesOf(event: string, now: Millis): Series | undefined {
    for (const [old, series] of published) {
      if (!hasEnded(series, now)) break;
      published.delete(old);
    }
    return published.get(event);
  }

  /** An event that was repeated is replaced by itself with its series; if it has expired, it is created again. */
  async function write(about: About, note: EventNote, series: Series): Promise<void> {
    const { namespace } = about.metadata;
    const body = eventOf(about, note, series, instance);
    try {
      if (series.count === 1 || !(await isReplaced({ namespace, name: series.name }, body)))
        await client.create({ ...EVENTS, namespace }, body, z.unknown());
    } catch (error) {
      const level = isTerminating(error) ? 'debug' : 'warn';
      log[level](
        { err: error, namespace, name: about.metadata.name, reason: note.reason },
        'event not written',
      );
    }
  }

  async function isReplaced(
    at: { readonly namespace: string; readonly name: string },
    body: unknown,
  ): Promise<boolean> {
    try {
      await client.replace({ ...EVENTS, ...at }, body, z.unknown());
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false;
      throw error;
    }
  }

  /** There is one to write at least: it must not end before `writing` is set. */
  async function writeSequentially(): Promise<void> {
    for (let next = unwritten.shift(); next; next = unwritten.shift()) await next();
    writing = undefined;
  }

  return {
    publish(about, note) {
      const now = clock.monotonic();
      const text = note.ofCondition ? '' : note.message;
      const event = [about.metadata.uid, note.type, note.reason, text].join('\n');
      const before = seriesOf(event, now);
      const at = clock.now();
      const series = before ? repeated(before, now, at) : begun(about, { now, at, serial: (serial += 1) });
      const isWritten = isDue(series, now) && budget.isAllowed(about.metadata.namespace, now);
      if (!before && !isWritten) {
        log.debug({ name: about.metadata.name, reason: note.reason }, 'event dropped: too many at once');
        return;
      }
      published.delete(event);
      published.set(event, isWritten ? written(series, now) : series);
      if (!isWritten) return;
      unwritten.push(() => write(about, note, series));
      writing ??= writeSequentially();
    },
    async flush() {
      await Promise.all([writing, ...unwritten.splice(0).map((rest) => rest())]);
    },
  };
}

/** A namespace that is being deleted takes no new objects: nothing is wrong, and conditions say the same. */
const isTerminating = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 404 || /being terminated/.test(error.message));

/** MicroTime has six digits. */
const microTime = (at: Date): string => at.toISOString().replace('Z', '000Z');
/** Time has none. */
const time = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, 'Z');

function eventOf({ kind, metadata }: About, note: EventNote, series: Series, instance: string): unknown {
  const { namespace, name, uid } = metadata;
  const { resourceVersion, at, count, lastAt } = series;
  return {
    apiVersion: apiVersionOf(EVENTS),
    kind: 'Event',
    metadata: { namespace, name: series.name },
    eventTime: microTime(at),
    firstTimestamp: time(at),
    lastTimestamp: time(lastAt),
    count,
    ...(count > 1 && { series: { count, lastObservedTime: microTime(lastAt) } }),
    type: note.type,
    reason: note.reason,
    message: truncate(note.message),
    action: 'Reconcile',
    reportingComponent: REPORTER,
    reportingInstance: instance,
    involvedObject: { apiVersion: API_VERSION, kind, namespace, name, uid, resourceVersion },
  };
}
