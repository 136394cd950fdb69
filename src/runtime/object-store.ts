/** The engine's view of one kind in the API server: what is known of an object, and the writes it makes. */
import type { Millis } from '../lib/units.ts';
import type { Condition } from './conditions.ts';
import type { EventNote, ObjectMeta, Readable, Resource } from './controller.ts';

/** One object as the API server holds it. */
export interface Entry<O extends Resource> {
  /** `namespace/name` */
  readonly key: string;
  readonly metadata: ObjectMeta;
  /** Absent where spec or status do not satisfy the kind's schema. */
  readonly object?: O | undefined;
  /** What is wrong with spec or status, as sentences for the object's author. */
  readonly problem?: string | undefined;
  /** The status is what cannot be read. */
  readonly isStatusUnreadable?: boolean | undefined;
  /** What can be read of it, each field by itself: enough to count what it uses, too little to act on. */
  readonly partial: Readable<O>;
  /** An object with a problem, without the fields that have it: enough to clean up what it made. Absent if too much is missing. */
  readonly salvaged?: O | undefined;
  /** As stored, including what this version of the program does not know. */
  readonly rawStatus?: Readonly<Record<string, unknown>> | undefined;
  readonly conditions: readonly Condition[];
}

/** `conflict`: the object was written by another client since this entry was read. `gone`: it no longer exists. */
export type Written<O extends Resource> = Entry<O> | 'conflict' | 'gone';

export interface ObjectStore<O extends Resource> {
  /** The newest state known: from the watch, from a read or from an answer to our own write. */
  cached(key: string): Entry<O> | undefined;
  keys(): readonly string[];
  /** Reads past the cache, and puts the answer there. `within`: accept an answer of the API server that is no older. */
  fetch(key: string, signal: AbortSignal, within?: Millis): Promise<Entry<O> | undefined>;
  /** The status together with the stored fields that only another version of the program knows. Nothing is written. */
  completed(entry: Entry<O>, status: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** The entry as it reads with this status. Nothing is written. */
  restated(entry: Entry<O>, status: Readonly<Record<string, unknown>>): Entry<O>;
  /** Replaces the whole list of finalizers, unless the object was written since `entry` was read. */
  writeFinalizers(entry: Entry<O>, finalizers: readonly string[]): Promise<Written<O>>;
  /** Replaces the whole status, under the same condition. */
  writeStatus(entry: Entry<O>, status: Readonly<Record<string, unknown>>): Promise<Written<O>>;
}

/** Publishes what happened to an object. It never throws and never blocks a pass. */
export interface EventSink {
  publish(about: { readonly kind: string; readonly metadata: ObjectMeta }, note: EventNote): void;
}

export type ChangeListener<O extends Resource> = (
  key: string,
  before: Entry<O> | undefined,
  after: Entry<O> | undefined,
) => void;

/** Reports every object that is added, changed or deleted. Listeners run in the order of their registration and must not throw. */
export interface ChangeSource<O extends Resource> {
  onChange(listener: ChangeListener<O>): void;
}
