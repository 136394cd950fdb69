/** What VMClones look up among VirtualMachines, and who looks at a VMClone when they change. */
import { concernsOf, type ControllerPorts } from '../../../controllers/index.ts';
import { CLONE_UID_LABEL, type VirtualMachine, type VMClone } from '../../api/index.ts';
import { indexBy, type Index } from '../../kube/index-by.ts';
import type { Caches, Watches } from './watches.ts';

export interface CloneIndexes {
  /** VirtualMachines by the uid of the VMClone that made them. */
  readonly copies: Index<VirtualMachine>;
  /** By what a VMClone waits for or reports on, as `concernsOf` names it. */
  readonly byConcern: Index<VMClone>;
}

export const indexClones = ({
  VirtualMachine: vms,
  VMClone: clones,
}: Pick<Caches, 'VirtualMachine' | 'VMClone'>): CloneIndexes => ({
  copies: indexBy(vms.cache, ({ metadata: { labels } }) => {
    const uid = labels[CLONE_UID_LABEL];
    return uid === undefined ? [] : [uid];
  }),
  byConcern: indexBy(clones.cache, concernsOf),
});

type ClonePorts = Pick<ControllerPorts, 'copiesOf' | 'vmWriter'>;

export const clonePorts = (
  { VirtualMachine }: Pick<Watches, 'VirtualMachine'>,
  { copies }: Pick<CloneIndexes, 'copies'>,
): ClonePorts => ({
  copiesOf: (uid) => copies.objects(uid),
  vmWriter: VirtualMachine.writer,
});
