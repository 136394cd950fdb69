/** What an object refers to. Pure. */
import { z } from 'zod';
import { kindOf, type KindName } from './kinds.ts';
import { part, valueAt, type Stored } from './objects.ts';
import type { At } from './cluster.ts';

export interface Reference extends At {
  readonly kind: KindName;
  /** The field. */
  readonly path: string;
}

const FIELDS: readonly (readonly [path: string, kind: KindName])[] = [
  ['spec.providerRef', 'Provider'],
  ['spec.classRef', 'VMClass'],
  ['spec.imageRef', 'VMImage'],
  ['spec.placementRef', 'VMPlacementPolicy'],
  ['spec.cloneFrom.vmRef', 'VirtualMachine'],
  ['spec.cloneFrom.snapshotRef', 'VMSnapshot'],
  ['spec.vmRef', 'VirtualMachine'],
  ['spec.sourceVMRef', 'VirtualMachine'],
  ['spec.sourceSnapshotRef', 'VMSnapshot'],
  ['status.targetRef', 'VirtualMachine'],
];

const Ref = z.object({ name: z.string(), namespace: z.string().optional() });

/** In the order of their fields, each once. */
export const referencesOf = (object: Stored): readonly Reference[] =>
  FIELDS.flatMap(([path, kind]) => {
    const ref = part(Ref, valueAt(object, path));
    if (!ref) return [];
    return [{ kind, path, name: ref.name, namespace: ref.namespace ?? object.metadata.namespace ?? '' }];
  });

/** `provider/pve`, as kubectl understands it. */
export const shortName = ({ kind, name }: Pick<Reference, 'kind' | 'name'>): string =>
  `${kindOf(kind).printed.split('.')[0] ?? ''}/${name}`;
