/** All objects of one kind, as new as anything we have seen: the watch, a read, or the answer to our own write. */
import type { ObjectReader, Readable, Resource } from '../runtime/controller.ts';
import type { ChangeListener, ChangeSource, Entry } from '../runtime/object-store.ts';

/** Versions of one kind grow as numbers; they may be longer than what a double holds exactly. */
export const isOlder = (a: string, b: string): boolean =>
  a.length === b.length ? a < b : a.length < b.length;

export class ObjectCache<O extends Resource> implements ObjectReader<O>, ChangeSource<O> {
  readonly #entries = new Map<string, Entry<O>>();
  readonly #listeners: ChangeListener<O>[] = [];
  /** How far the watch of all namespaces has come: an answer that is older than this contains nothing new. */
  #progress = '0';
  /** The same for single namespaces, each of which may have a watch of its own. */
  readonly #progressIn = new Map<string, string>();
  readonly #namespaces: ReadonlySet<string> | undefined;
  #list: readonly Readable<O>[] | undefined;

  /** @param namespaces those that are watched; absent: all */
  constructor(namespaces?: readonly string[]) {
    this.#namespaces = namespaces && new Set(namespaces);
  }

  /** Whether objects of this namespace are seen at all. */
  covers(namespace: string): boolean {
    return this.#namespaces?.has(namespace) ?? true;
  }

  /** Valid objects only: who follows a reference must not take half an object for the whole. */
  get(namespace: string, name: string): O | undefined {
    return this.entry(`${namespace}/${name}`)?.object;
  }

  partial(namespace: string, name: string): Readable<O> | undefined {
    return this.entry(`${namespace}/${name}`)?.partial;
  }

  /**
   * All objects, also those with a problem as far as they can be read: who counts what is in use must not
   * overlook them. The same array until something changes.
   */
  list(): readonly Readable<O>[] {
    this.#list ??= [...this.#entries.values()].map(({ partial }) => partial);
    return this.#list;
  }

  entry(key: string): Entry<O> | undefined {
    return this.#entries.get(key);
  }

  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  onChange(listener: ChangeListener<O>): void {
    this.#listeners.push(listener);
  }

  /** From the watch: an object appeared or changed. */
  put(entry: Entry<O>): void {
    this.advance(entry.metadata.resourceVersion, entry.metadata.namespace);
    this.#store(entry);
  }

  /** From the watch: an object is gone since `resourceVersion`. */
  remove(key: string, resourceVersion: string): void {
    this.advance(resourceVersion, namespaceIn(key));
    const known = this.#entries.get(key);
    if (known && !isOlder(resourceVersion, known.metadata.resourceVersion)) this.#drop(key, known);
  }

  /** From a list: this is all there was at `resourceVersion`, in this namespace or in all. */
  replaceAll(entries: readonly Entry<O>[], resourceVersion: string, namespace?: string): void {
    this.advance(resourceVersion, namespace);
    const present = new Set(entries.map(({ key }) => key));
    for (const [key, known] of this.#entries)
      if (
        isIn(known, namespace) &&
        !present.has(key) &&
        !isOlder(resourceVersion, known.metadata.resourceVersion)
      )
        this.#drop(key, known);
    for (const entry of entries) this.#store(entry);
  }

  /** From a read or a write of ours: taken in unless the watch already knows better. Answers with the newest. */
  offer(entry: Entry<O>): Entry<O> {
    const { namespace, resourceVersion } = entry.metadata;
    const isPast = !isOlder(this.#seenUntil(namespace), resourceVersion);
    // An object whose deletion the watch has reported must not be restored by a late answer: nothing would remove it.
    if (isPast && !this.#entries.has(entry.key)) return entry;
    this.#store(entry);
    return this.#entries.get(entry.key) ?? entry;
  }

  /** From a bookmark: nothing more has happened up to `resourceVersion`, in this namespace or in all. */
  advance(resourceVersion: string, namespace?: string): void {
    if (!isOlder(this.#seenUntil(namespace), resourceVersion)) return;
    if (namespace === undefined) this.#progress = resourceVersion;
    else this.#progressIn.set(namespace, resourceVersion);
  }

  #seenUntil(namespace: string | undefined): string {
    const here = namespace === undefined ? undefined : this.#progressIn.get(namespace);
    return here !== undefined && isOlder(this.#progress, here) ? here : this.#progress;
  }

  #store(entry: Entry<O>): void {
    const known = this.#entries.get(entry.key);
    if (known && !isOlder(known.metadata.resourceVersion, entry.metadata.resourceVersion)) return;
    this.#entries.set(entry.key, entry);
    this.#notify(entry.key, known, entry);
  }

  #drop(key: string, known: Entry<O>): void {
    this.#entries.delete(key);
    this.#notify(key, known, undefined);
  }

  #notify(key: string, before: Entry<O> | undefined, after: Entry<O> | undefined): void {
    this.#list = undefined;
    for (const listener of this.#listeners) listener(key, before, after);
  }
}

const namespaceIn = (key: string): string => key.slice(0, key.indexOf('/'));

const isIn = ({ metadata }: Entry<Resource>, namespace: string | undefined): boolean =>
  namespace === undefined || metadata.namespace === namespace;
