/** Which changes in Kubernetes ask for a pass. */
import { isDeepStrictEqual } from 'node:util';
import type { ObjectMeta, Resource } from './controller.ts';
import type { ChangeSource, Entry } from './object-store.ts';
import type { WorkQueue } from './queue.ts';

/**
 * A controller's own objects: what their authors change asks for a pass, what we report on them does not. A report that
 * somebody removes is missed at once.
 */
export function watchOwn<O extends Resource>(
  source: ChangeSource<O>,
  queue: Pick<WorkQueue, 'add' | 'forget'>,
): void {
  source.onChange((key, before, after) => {
    if (!after) queue.forget(key);
    else if (!before || isStatusEdited(before, after) || changedByOthers(before.metadata, after.metadata))
      queue.add(key, 'edit');
  });
}

/** Objects that others depend on: `dependants` names the keys that a change of this object affects, before and after it. */
export function watchRelated<O extends Resource>(
  source: ChangeSource<O>,
  queue: Pick<WorkQueue, 'add'>,
  dependants: (entry: Entry<O>) => Iterable<string>,
): void {
  source.onChange((_key, before, after) => {
    const keys = new Set([before, after].flatMap((entry) => (entry ? [...dependants(entry)] : [])));
    for (const key of keys) queue.add(key, 'relatedObject');
  });
}

/** Somebody removed the status, or corrected it so that it can be read: we do neither. */
const isStatusEdited = <O extends Resource>(before: Entry<O>, after: Entry<O>): boolean =>
  lostStatus(before, after) || isReadAgain(before, after);

const isReadAgain = <O extends Resource>(before: Entry<O>, after: Entry<O>): boolean =>
  before.object === undefined && after.object !== undefined;

/** Our reports always say for which generation they are. */
const lostStatus = <O extends Resource>(before: Entry<O>, after: Entry<O>): boolean =>
  isObserved(before) && !isObserved(after);

const isObserved = <O extends Resource>({ rawStatus }: Entry<O>): boolean =>
  Number(rawStatus?.['observedGeneration'] ?? NEVER) > NEVER;

/** The default of the CRDs. */
const NEVER = -1;

const changedByOthers = (before: ObjectMeta, after: ObjectMeta): boolean =>
  before.uid !== after.uid ||
  before.generation !== after.generation ||
  before.deletionTimestamp !== after.deletionTimestamp ||
  !isDeepStrictEqual(before.annotations, after.annotations) ||
  !isDeepStrictEqual(before.labels, after.labels) ||
  !isDeepStrictEqual(before.finalizers, after.finalizers);
