/** Repetitions of an event: the API server keeps one Event with a count, as for the events of Kubernetes itself. */
import { minutes, type Millis } from '../lib/units.ts';
import type { EventSink } from '../runtime/object-store.ts';

type About = Parameters<EventSink['publish']>[0];

/** The first repetition is written after this time, further ones at this interval. */
const REPEAT_AFTER = minutes(1);
const REPEAT_INTERVAL = minutes(10);
/** After this time an event that occurs again is a new one. */
const ENDS_AFTER = minutes(20);

/** An event and its repetitions. Times without a date are monotonic. */
export interface Series {
  /** Of the event in the API server. */
  readonly name: string;
  /** Of the object, when the event occurred first: an event that exists cannot be changed in it. */
  readonly resourceVersion: string;
  readonly at: Date;
  readonly count: number;
  readonly occurredAt: Millis;
  readonly lastAt: Date;
  readonly writtenAt?: Millis;
  /** What was written last has a count. */
  readonly hasCount?: boolean;
}

/** Object names may be longer than what leaves room for the suffix. */
const NAME_ROOM = 253 - 17;

const hex = (value: number, digits: number): string =>
  value.toString(16).padStart(digits, '0').slice(-digits);

/**
 * An event that occurs for the first time. The API server refuses a generateName that ends in a dot, so the name is made
 * here. Names sort by time, because those of one second have the same lastTimestamp.
 * @param serial one more for each event of the process
 */
export const begun = (
  { metadata: { name, resourceVersion } }: About,
  { now, at, serial }: { readonly now: Millis; readonly at: Date; readonly serial: number },
): Series => ({
  name: `${name.slice(0, NAME_ROOM)}.${hex(at.getTime(), 11)}${hex(serial, 5)}`,
  resourceVersion,
  at,
  count: 1,
  occurredAt: now,
  lastAt: at,
});

export const repeated = (series: Series, now: Millis, at: Date): Series => ({
  ...series,
  count: series.count + 1,
  occurredAt: now,
  lastAt: at,
});

export const hasEnded = ({ occurredAt }: Series, now: Millis): boolean => now - occurredAt >= ENDS_AFTER;

export const isDue = ({ writtenAt, hasCount = false }: Series, now: Millis): boolean =>
  writtenAt === undefined || now - writtenAt >= (hasCount ? REPEAT_INTERVAL : REPEAT_AFTER);

export const written = (series: Series, now: Millis): Series => ({
  ...series,
  writtenAt: now,
  hasCount: series.count > 1,
});
