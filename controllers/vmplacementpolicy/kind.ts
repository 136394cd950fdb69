/** VMPlacementPolicy, for the registry. */
import type { VMPlacementPolicy } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { unsupportedController } from '../shared/objects/unsupported.ts';

export const vmPlacementPolicyKind: KindModule<VMPlacementPolicy, unknown> = {
  controller: () => unsupportedController('VMPlacementPolicy', 'it does not influence where VMs are placed'),
};
