/** What VMClones look up among VirtualMachines, and who looks at a VMClone when they change. */
import { snapshotsOfClone, vmsOfClone, type ControllerPorts } from '../../../controllers/index.ts';
import { CLONE_UID_LABEL, type VirtualMachine, type VMClone } from '../../api/index.ts';
import { indexBy, type Index } from '../../kube/index-by.ts';
import { keyOf } from './indexes.ts';
import type { Caches, Watches } from './watches.ts';

export interface CloneIndexes {
  /** VirtualMachines by the uid of the VMClone that made them. */
  readonly copies: Index<VirtualMachine>;
  readonly clonesByVM: Index<VMClone>;
  readonly clonesBySnapshot: Index<VMClone>;
}

export const indexClones = ({
  VirtualMachine: vms,
  VMClone: clones,
}: Pick<Caches, 'VirtualMachine' | 'VMClone'>): CloneIndexes => ({
  copies: indexBy(vms.cache, ({ metadata: { labels } }) => {
    const uid = labels[CLONE_UID_LABEL];
    return uid === undefined ? [] : [uid];
  }),
  clonesByVM: indexBy(clones.cache, (clone) => vmsOfClone(clone).map(keyOf)),
  clonesBySnapshot: indexBy(clones.cache, (clone) => snapshotsOfClone(clone).map(keyOf)),
});

type ClonePorts = Pick<ControllerPorts, 'snapshots' | 'copiesOf' | 'vmWriter'>;

export const clonePorts = (
  { VirtualMachine, VMSnapshot }: Pick<Watches, 'VirtualMachine' | 'VMSnapshot'>,
  { copies }: Pick<CloneIndexes, 'copies'>,
): ClonePorts => ({
  snapshots: VMSnapshot.cache,
  copiesOf: (uid) => copies.objects(uid),
  vmWriter: VirtualMachine.writer,
});
