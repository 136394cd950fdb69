/** VMClone, for the registry. */
import type { VMClone } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { unsupportedController } from '../shared/objects/unsupported.ts';

export const vmCloneKind: KindModule<VMClone, unknown> = {
  controller: () => unsupportedController('VMClone', 'nothing is cloned'),
};
