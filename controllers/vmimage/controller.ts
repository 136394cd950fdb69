/** VMImage: reports where its template is. VMs look it up themselves when they are created. */
import {
  isObserved,
  type Provider,
  type Reason,
  type VMImage,
  type VMImageStatus,
} from '../../src/api/index.ts';
import type { Controller, ObjectReader, Readable } from '../../src/runtime/controller.ts';
import { seconds } from '../../src/lib/units.ts';
import { settled, unchanged, waiting } from '../../src/runtime/outcome.ts';
import type { Connections } from '../shared/cluster/connections.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { grantOf, isUndecided, type Grant } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import { templatesNamed, templatesReachable } from '../shared/cluster/templates.ts';

export interface VMImagePorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly namespaces: Namespaces;
}

/** A Provider that the namespace of the image may use. */
interface Usable {
  readonly provider: Readable<Provider>;
  readonly grant: Grant;
}

const RETRY_AFTER = seconds(30);
const RETRY_SOON = seconds(5);
const MAX_LISTED = 64;

const rank = (reason: Reason): number => (reason === 'TemplateUnreachable' ? 0 : 1);

export function vmImageController(ports: VMImagePorts): Controller<VMImage, VMImageStatus> {
  const usable = ({ metadata }: VMImage): readonly Usable[] =>
    ports.providers.list().flatMap((provider) => {
      const grant = grantOf(provider, metadata.namespace, ports.namespaces);
      return grant ? [{ provider, grant }] : [];
    });

  const mayBecomeUsable = ({ metadata }: VMImage): boolean =>
    ports.providers.list().some((provider) => isUndecided(provider, metadata.namespace, ports.namespaces));

  const isPending = ({
    provider: {
      metadata: { namespace, name },
    },
  }: Usable): boolean => ports.connections.isPending(namespace, name);

  return {
    name: 'vmimage',
    reconcile(image) {
      // Otherwise every start of the operator would report all images as not found for a moment.
      if (isObserved(image.status) && (usable(image).some(isPending) || mayBecomeUsable(image)))
        return Promise.resolve({ outcome: unchanged(RETRY_SOON), status: {} });
      const lookedUp = usable(image).flatMap(({ provider: { metadata }, grant }) => {
        const { namespace, name } = metadata;
        const view = ports.connections.get(namespace, name)?.inventory.view();
        return view
          ? [
              {
                provider: `${namespace}/${name}`,
                found: templatesNamed(image.spec.source, view, grant),
                reachable: templatesReachable(image.spec.source, view, grant),
              },
            ]
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
      const status = availableOn.length === 0 ? {} : { availableOn: availableOn.slice(0, MAX_LISTED) };
      const problems = lookedUp.flatMap(({ reachable }) => (reachable.ok ? [] : [reachable]));
      // That it is on a node which is offline says more than that another Provider does not have it.
      const [problem] = problems.toSorted((a, b) => rank(a.reason) - rank(b.reason));
      return Promise.resolve(
        problem && problems.length === lookedUp.length
          ? { outcome: waiting(problem.reason, problem.message, RETRY_AFTER), status }
          : { outcome: settled(), status },
      );
    },
  };
}
