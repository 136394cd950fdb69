/** VMImage, for the registry. */
import type { VMImage } from '../../src/api/index.ts';
import { imagesAwaited } from '../shared/images/demand.ts';
import { withInUseProtection } from '../shared/objects/in-use.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { vmImageController, type VMImagePorts } from './controller.ts';

export const vmImageKind: KindModule<VMImage, VMImagePorts & UsagePorts> = {
  controller: (ports) =>
    withInUseProtection('VMImage', vmImageController(ports), ports.usersOfKind('VMImage')),
  usage: {
    reference: ({ spec }) => spec.imageRef,
    others: ({ spec }) => spec.cdroms?.map(({ imageRef }) => imageRef) ?? [],
    passWhen: 'usersChange',
  },
  follows: {
    // Where its template is, each Provider may say.
    Provider: (_change, { keys }) => keys('VMImage'),
    // What is downloaded may depend on who waits for it.
    VirtualMachine: ({ object }) =>
      imagesAwaited(object).map(({ name, namespace = object.metadata.namespace }) => `${namespace}/${name}`),
  },
};
