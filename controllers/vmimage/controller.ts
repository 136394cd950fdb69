/** VMImage: reports where its template is. VMs look it up themselves when they are created. */
import { isObserved, type Provider, type VMImage, type VMImageStatus } from '../../src/api/index.ts';
import type { Controller, ObjectReader } from '../../src/runtime/controller.ts';
import { seconds } from '../../src/lib/units.ts';
import { settled, unchanged, waiting } from '../../src/runtime/outcome.ts';
import type { Connections } from '../shared/cluster/connections.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { allowsFrom } from '../shared/objects/references.ts';
import { templatesNamed } from '../shared/cluster/templates.ts';

export interface VMImagePorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
}

const RETRY_AFTER = seconds(30);
const RETRY_SOON = seconds(5);
const MAX_LISTED = 64;

export function vmImageController(ports: VMImagePorts): Controller<VMImage, VMImageStatus> {
  const usable = (image: VMImage): readonly Provider[] =>
    ports.providers
      .list()
      .filter(
        ({ metadata }) =>
          metadata.namespace === image.metadata.namespace ||
          allowsFrom(metadata.annotations, image.metadata.namespace),
      );

  const isPending = ({ metadata: { namespace, name } }: Provider): boolean =>
    ports.connections.isPending(namespace, name);

  return {
    name: 'vmimage',
    reconcile(image) {
      // Otherwise every start of the operator would report all images as not found for a moment.
      if (isObserved(image.status) && usable(image).some(isPending))
        return Promise.resolve({ outcome: unchanged(RETRY_SOON), status: {} });
      const lookedUp = usable(image).flatMap(({ metadata: { namespace, name } }) => {
        const view = ports.connections.get(namespace, name)?.inventory.view();
        return view
          ? [{ provider: `${namespace}/${name}`, found: templatesNamed(image.spec.source, view) }]
          : [];
      });
      if (lookedUp.length === 0)
        return Promise.resolve({
          outcome: waiting(
            Reasons.providerNotReady,
            'No Provider that this VMImage may use is connected to Proxmox VE yet. Reconciliation resumes once one is.',
            RETRY_AFTER,
          ),
          status: {},
        });
      const availableOn = lookedUp.flatMap(({ provider, found }) =>
        found.ok ? found.guests.map(({ vmid, node }) => ({ provider, vmid, node })) : [],
      );
      const problem = lookedUp.map(({ found }) => found).find((found) => !found.ok);
      if (availableOn.length === 0 && problem)
        return Promise.resolve({
          outcome: waiting(problem.reason, problem.message, RETRY_AFTER),
          status: {},
        });
      return Promise.resolve({
        outcome: settled(),
        status: { availableOn: availableOn.slice(0, MAX_LISTED) },
      });
    },
  };
}
