/** VMClass, for the registry. */
import type { VMClass } from '../../src/api/index.ts';
import { withInUseProtection } from '../shared/objects/in-use.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { vmClassController } from './controller.ts';

export const vmClassKind: KindModule<VMClass, UsagePorts> = {
  controller: ({ usersOfKind }) =>
    withInUseProtection('VMClass', vmClassController(), usersOfKind('VMClass')),
  usage: { reference: ({ spec }) => spec.classRef, required: true, passWhen: 'usersChange' },
};
