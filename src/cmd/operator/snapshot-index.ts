/** Finds the VMSnapshots of a VirtualMachine. */
import type { VMSnapshot } from '../../api/index.ts';
import { indexBy } from '../../kube/index-by.ts';
import type { Readable } from '../../runtime/controller.ts';
import type { ChangeSource } from '../../runtime/object-store.ts';
import { keyOf } from './indexes.ts';

export type SnapshotsOf = (namespace: string, name: string) => readonly Readable<VMSnapshot>[];

export function indexSnapshots(source: ChangeSource<VMSnapshot>): SnapshotsOf {
  const byVm = indexBy(source, ({ metadata: { namespace }, spec }) =>
    spec.vmRef ? [keyOf({ namespace, name: spec.vmRef.name })] : [],
  );
  return (namespace, name) => byVm.objects(keyOf({ namespace, name }));
}
