/**
 * Writes Events, one after another: when hundreds of VMs change at once, their status updates take precedence.
 * Repetitions of an event of an object are written only from time to time, and the rate of events is limited.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { API_VERSION } from '../api/group.ts';
import { minutes, type Millis } from '../lib/units.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventNote } from '../runtime/controller.ts';
import { truncate } from '../runtime/message.ts';
import type { EventSink } from '../runtime/object-store.ts';
import type { KubeClient } from './client.ts';
import { apiVersionOf, EVENTS } from './resource.ts';

export interface EventRecorder extends EventSink {
  /** Writes the remaining events in parallel. Resolves once every published event has been written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The reporting process: the pod's name. */
  readonly instance: string;
}

type About = Parameters<EventSink['publish']>[0];

const REPORTER = 'virtrigaud.io/proxmox';
const REPEAT_AFTER = minutes(10);
/** Events that may be published at once, and per second after that. */
const BURST = 200;
const PER_SECOND = 10;

export function eventRecorder({ client, clock, log, instance }: EventRecorderOptions): EventRecorder {
  /** When each event was last published, oldest first. */
  const published = new Map<string, Millis>();
  const unwritten: (() => Promise<void>)[] = [];
  let writing: Promise<void> | undefined;
  let allowance = { left: BURST, at: clock.monotonic() };

  function isRepeated(event: string, now: Millis): boolean {
    for (const [old, at] of published) {
      if (now - at < REPEAT_AFTER) break;
      published.delete(old);
    }
    return published.has(event);
  }

  function isAllowed(now: Millis): boolean {
    const refilled = Math.min(BURST, allowance.left + ((now - allowance.at) / 1000) * PER_SECOND);
    allowance = { left: refilled < 1 ? refilled : refilled - 1, at: now };
    return refilled >= 1;
  }

  async function write(about: About, note: EventNote, at: Date): Promise<void> {
    const { namespace } = about.metadata;
    try {
      await client.create({ ...EVENTS, namespace }, eventOf(about, note, at, instance), z.unknown());
    } catch (error) {
      log.warn(
        { err: error, namespace, name: about.metadata.name, reason: note.reason },
        'event not written',
      );
    }
  }

  async function writeSequentially(): Promise<void> {
    for (let next = unwritten.shift(); next; next = unwritten.shift()) await next();
    writing = undefined;
  }

  return {
    publish(about, note) {
      const now = clock.monotonic();
      const event = [about.metadata.uid, note.type, note.reason, note.message].join('\n');
      if (isRepeated(event, now)) return;
      if (!isAllowed(now)) {
        log.debug({ name: about.metadata.name, reason: note.reason }, 'event dropped: too many at once');
        return;
      }
      published.set(event, now);
      const at = clock.now();
      unwritten.push(() => write(about, note, at));
      writing ??= writeSequentially();
    },
    async flush() {
      await Promise.all([writing, ...unwritten.splice(0).map((rest) => rest())]);
    },
  };
}

/** Object names may be longer than what leaves room for the suffix. */
const NAME_ROOM = 253 - 17;

function eventOf({ kind, metadata }: About, note: EventNote, at: Date, instance: string): unknown {
  const { namespace, name, uid, resourceVersion } = metadata;
  return {
    apiVersion: apiVersionOf(EVENTS),
    kind: 'Event',
    // The API server refuses a generateName that ends in a dot, so the name is made here.
    metadata: { namespace, name: `${name.slice(0, NAME_ROOM)}.${randomBytes(8).toString('hex')}` },
    eventTime: at.toISOString().replace('Z', '000Z'), // MicroTime has six digits
    type: note.type,
    reason: note.reason,
    note: truncate(note.message),
    action: 'Reconcile',
    reportingController: REPORTER,
    reportingInstance: instance,
    regarding: { apiVersion: API_VERSION, kind, namespace, name, uid, resourceVersion },
  };
}
