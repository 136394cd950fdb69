/** Provider, for the registry. */
import type { Provider } from '../../src/api/index.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { providerController, type ProviderPorts } from './controller.ts';

export type ProviderKindPorts = Omit<ProviderPorts, 'usersOf'> & UsagePorts;

export const providerKind: KindModule<Provider, ProviderKindPorts> = {
  controller: (ports) => providerController({ ...ports, usersOf: ports.usersOfKind('Provider') }),
  // The pass of one whose server does not answer lasts until its requests are given up.
  workers: 64,
  // A Provider that is being deleted waits until its VMs are deleted.
  // Since when deletions wait is recorded as soon as one does.
  follows: {
    VirtualMachine: ({ object: { metadata, spec, status } }) =>
      spec.providerRef && status?.conditions?.some(({ reason }) => reason === 'DeletionsHeld')
        ? [`${spec.providerRef.namespace ?? metadata.namespace}/${spec.providerRef.name}`]
        : [],
  },
  usage: { reference: ({ spec }) => spec.providerRef, required: true, passWhen: 'userIsGone' },
};
