/** VMImage: reports where its template, or its ISO image, is. VMs look it up themselves when they are created. */
import {
  isObserved,
  type Provider,
  type Reason,
  type VMImage,
  type VMImageSpec,
  type VMImageStatus,
} from '../../src/api/index.ts';
import type { Controller, ObjectReader, Readable } from '../../src/runtime/controller.ts';
import type { View } from '../../src/pve/index.ts';
import { seconds, type NodeName, type Vmid } from '../../src/lib/units.ts';
import { settled, unchanged, waiting } from '../../src/runtime/outcome.ts';
import type { Connection, Connections } from '../shared/cluster/connections.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { grantOf, isUndecided, type Grant } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import { findIso } from './isos.ts';
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

interface Found {
  readonly places: readonly { readonly vmid?: Vmid; readonly node: NodeName }[];
  /** Why no VM can be made with it now. */
  readonly problem?: { readonly reason: Reason; readonly message: string };
}

type LookedUp = Found & { readonly provider: string };

async function lookUp(
  { source, sourceTag }: VMImageSpec,
  {
    connection,
    view,
    grant,
    signal,
  }: {
    readonly connection: Connection;
    readonly view: View;
    readonly grant: Grant;
    readonly signal: AbortSignal;
  },
): Promise<Found> {
  if (source && 'iso' in source) {
    const found = await findIso(source.iso, connection, { grant, options: { signal } });
    return found.ok ? { places: found.nodes.map((node) => ({ node })) } : { places: [], problem: found };
  }
  const wanted = source ?? (sourceTag === undefined ? undefined : { tag: sourceTag });
  if (!wanted) return { places: [] };
  const named = templatesNamed(wanted, view, grant);
  const reachable = templatesReachable(wanted, view, grant);
  return {
    places: named.ok ? named.guests.map(({ vmid, node }) => ({ vmid, node })) : [],
    ...(!reachable.ok && { problem: reachable }),
  };
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
    async reconcile(image, { signal }) {
      // Otherwise every start of the operator would report all images as not found for a moment.
      if (isObserved(image.status) && (usable(image).some(isPending) || mayBecomeUsable(image)))
        return { outcome: unchanged(RETRY_SOON), status: {} };
      const lookedUp: LookedUp[] = [];
      for (const { provider, grant } of usable(image)) {
        const { namespace, name } = provider.metadata;
        const connection = ports.connections.get(namespace, name);
        const view = connection?.inventory.view();
        if (connection && view)
          lookedUp.push({
            provider: `${namespace}/${name}`,
            ...(await lookUp(image.spec, { connection, view, grant, signal })),
          });
      }
      if (lookedUp.length === 0)
        return {
          outcome: waiting(
            Reasons.providerNotReady,
            'No Provider that this VMImage may use is connected to Proxmox VE yet. Reconciliation resumes once one is.',
            RETRY_AFTER,
          ),
          status: {},
        };
      const availableOn = lookedUp.flatMap(({ provider, places }) =>
        places.map((place) => ({ provider, ...place })),
      );
      const status = availableOn.length === 0 ? {} : { availableOn: availableOn.slice(0, MAX_LISTED) };
      const problems = lookedUp.flatMap((each) => each.problem ?? []);
      // That it is on a node which is offline says more than that another Provider does not have it.
      const [problem] = problems.toSorted((a, b) => rank(a.reason) - rank(b.reason));
      return problem && problems.length === lookedUp.length
        ? { outcome: waiting(problem.reason, problem.message, RETRY_AFTER), status }
        : { outcome: settled(), status };
    },
  };
}
