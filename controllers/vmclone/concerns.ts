/** Which other objects a VMClone waits for or reports on. Pure. */
import type { VMClone } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { Reference } from '../shared/objects/references.ts';
import type { Place } from './model.ts';

/** As far as it can be read. Once the copy exists, only the copy. */
export function vmsOf({ metadata, spec, status }: Readable<VMClone>): readonly Place[] {
  const { namespace, name } = metadata;
  if (status?.targetUID !== undefined && status.targetRef) return [status.targetRef];
  const target = { namespace: spec.target?.namespace ?? namespace, name: spec.target?.name ?? name };
  const announced = status?.targetRef ? [status.targetRef] : [];
  return [target, ...announced, ...(spec.sourceVMRef ? [placeOf(spec.sourceVMRef, namespace)] : [])];
}

export function snapshotsOf({ metadata, spec, status }: Readable<VMClone>): readonly Place[] {
  if (status?.targetUID !== undefined || !spec.sourceSnapshotRef) return [];
  return [placeOf(spec.sourceSnapshotRef, metadata.namespace)];
}

const placeOf = ({ name, namespace }: Reference, home: string): Place => ({
  name,
  namespace: namespace ?? home,
});

/** Whether it waits for the permission of another Namespace. */
export const isCrossing = ({ metadata, spec, status }: Readable<VMClone>): boolean =>
  status?.targetUID === undefined && (spec.target?.namespace ?? metadata.namespace) !== metadata.namespace;
