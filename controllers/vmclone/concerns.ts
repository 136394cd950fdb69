/** Which other objects a VMClone waits for or reports on. Pure. */
import type { VMClone } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { Reference } from '../shared/objects/references.ts';
import type { Place } from './model.ts';

/** `VirtualMachine namespace/name` or `VMSnapshot namespace/name`, as far as it can be read. Once the copy exists, only the copy. */
export function concernsOf({ metadata, spec, status }: Readable<VMClone>): readonly string[] {
  const { namespace, name } = metadata;
  const copies = status?.targetRef ? [vm(status.targetRef)] : [];
  if (status?.targetUID !== undefined) return copies;
  const { sourceVMRef, sourceSnapshotRef, target } = spec;
  return [
    vm({ namespace: target?.namespace ?? namespace, name: target?.name ?? name }),
    ...copies,
    ...(sourceVMRef ? [vm(placeOf(sourceVMRef, namespace))] : []),
    ...(sourceSnapshotRef ? [`VMSnapshot ${keyOf(placeOf(sourceSnapshotRef, namespace))}`] : []),
  ];
}

const keyOf = ({ namespace, name }: Place): string => `${namespace}/${name}`;
const vm = (place: Place): string => `VirtualMachine ${keyOf(place)}`;

const placeOf = ({ name, namespace }: Reference, home: string): Place => ({
  name,
  namespace: namespace ?? home,
});

/** Whether it waits for the permission of another Namespace. */
export const isCrossing = ({ metadata, spec, status }: Readable<VMClone>): boolean =>
  status?.targetUID === undefined && (spec.target?.namespace ?? metadata.namespace) !== metadata.namespace;
