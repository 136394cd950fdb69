/** VMImage, for the registry. */
import type { VMImage } from '../../src/api/index.ts';
import { imagesAwaited } from '../shared/images/demand.ts';
import { createDownloads, type DownloadPorts } from './download/controller.ts';
import { dropTransfers } from './download/transfer.ts';
import { withInUseProtection } from '../shared/objects/in-use.ts';
import { settled } from '../../src/runtime/outcome.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { vmImageController, type VMImagePorts } from './controller.ts';

export type VMImageKindPorts = VMImagePorts & Omit<DownloadPorts, 'usersOf'> & UsagePorts;

export const vmImageKind: KindModule<VMImage, VMImageKindPorts> = {
  controller(ports) {
    const usersOf = ports.usersOfKind('VMImage');
    const found = vmImageController(ports);
    const downloads = createDownloads({ ...ports, usersOf });
    const controller: typeof found = {
      name: found.name,
      async reconcile(image, pass) {
        if (!image.spec.download) return found.reconcile(image, pass);
        // In use: VMs that were made of it keep what they have, and nothing new is made.
        if (pass.deleting) {
          dropTransfers(image, ports);
          return { outcome: settled(), status: image.status ?? {} };
        }
        return downloads.reconcile(image, pass);
      },
    };
    const kept = withInUseProtection('VMImage', controller, usersOf);
    return {
      ...kept,
      needsFinalizer: (image) => image.spec.download !== undefined || (kept.needsFinalizer?.(image) ?? false),
      async reconcile(image, pass) {
        const result = await kept.reconcile(image, pass);
        const isUnused = image.spec.download !== undefined && result.outcome.kind === 'released';
        return isUnused ? downloads.remove(image, pass) : result;
      },
    };
  },
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
