/** VMSnapshot, for the registry. */
import type { VMSnapshot } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { unsupportedController } from '../shared/objects/unsupported.ts';

export const vmSnapshotKind: KindModule<VMSnapshot, unknown> = {
  controller: () => unsupportedController('VMSnapshot', 'no snapshot is taken'),
};
