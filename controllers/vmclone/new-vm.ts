/** The VirtualMachine that a VMClone makes, and how it is recognized. Pure. */
import {
  ANNOTATION_PREFIX,
  CLONE_NAME_LABEL,
  CLONE_UID_LABEL,
  type VirtualMachineSpecInput,
  type VMClone,
} from '../../src/api/index.ts';
import type { NewObject } from '../../src/runtime/controller.ts';
import { nameLabel, withoutTracking } from '../shared/objects/made-by.ts';
import type { Place, Source } from './model.ts';

/** Annotations are not taken over: ours are permissions and requests for one VM alone. */
export const newVM = (
  { metadata: { name, uid } }: VMClone,
  target: Place,
  { vm }: Pick<Source, 'vm'>,
  spec: VirtualMachineSpecInput,
): NewObject<VirtualMachineSpecInput> => ({
  namespace: target.namespace,
  name: target.name,
  labels: {
    ...withoutOurs(withoutTracking(vm.metadata.labels)),
    [CLONE_NAME_LABEL]: nameLabel(name),
    [CLONE_UID_LABEL]: uid,
  },
  spec,
});

const withoutOurs = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(ANNOTATION_PREFIX)));
