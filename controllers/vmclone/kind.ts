/** VMClone, for the registry. */
import type { VMClone } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { vmCloneController } from './controller.ts';
import type { VMClonePorts } from './ports.ts';

export const vmCloneKind: KindModule<VMClone, VMClonePorts> = {
  controller: vmCloneController,
  follows: {
    VirtualMachine: ({ key }, { vmClonesOf }) => vmClonesOf(`VirtualMachine ${key}`),
    VMSnapshot: ({ key }, { vmClonesOf }) => vmClonesOf(`VMSnapshot ${key}`),
  },
};
