/** VMSnapshot, for the registry. */
import type { VMSnapshot } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { vmSnapshotController, type VMSnapshotPorts } from './controller.ts';

export const vmSnapshotKind: KindModule<VMSnapshot, VMSnapshotPorts> = {
  controller: vmSnapshotController,
  // Passes mostly wait for Proxmox VE; requests to it have limits of their own.
  workers: 32,
  follows: {
    VirtualMachine: ({ key }, { snapshotsOf }) => snapshotsOf(key),
  },
};
