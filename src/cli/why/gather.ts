/** Reads all that is known about an object: itself, what it refers to, and their events. */
import { KubeError } from '../../kube/errors.ts';
import { ifReadable, type At, type Cluster } from '../cluster/cluster.ts';
import { EVENT_KIND, kindOf, type KindName } from '../cluster/kinds.ts';
import { isReady, textAt, type Stored } from '../cluster/objects.ts';
import { referencesOf, type Reference } from '../cluster/references.ts';

export interface Related {
  readonly reference: Reference;
  /** Or why there is none to read. */
  readonly object: Stored | 'NotFound' | 'Forbidden';
  readonly events: readonly Stored[];
}

export interface Facts {
  readonly kind: KindName;
  readonly object: Stored;
  readonly events: readonly Stored[];
  readonly related: readonly Related[];
}

export async function gather(cluster: Cluster, kind: KindName, at: At): Promise<Facts> {
  const object = await cluster.get(kindOf(kind), at);
  const references = [...referencesOf(object), ...(await unfinishedSnapshots(cluster, kind, at))];
  const [events, ...related] = await Promise.all([
    eventsOf(cluster, object),
    ...references.map((reference) => lookUp(cluster, reference)),
  ]);
  return { kind, object, events, related };
}

/** Of a VM: something may be done with one that the VM waits for. */
async function unfinishedSnapshots(cluster: Cluster, kind: KindName, at: At): Promise<readonly Reference[]> {
  if (kind !== 'VirtualMachine') return [];
  const all = (await ifReadable(cluster.list(kindOf('VMSnapshot'), { namespace: at.namespace }))) ?? [];
  return all
    .filter((object) => textAt(object, 'spec.vmRef.name') === at.name && !isReady(object))
    .map(({ metadata: { name } }): Reference => ({
      kind: 'VMSnapshot',
      path: 'spec.vmRef',
      namespace: at.namespace,
      name,
    }));
}

async function lookUp(cluster: Cluster, reference: Reference): Promise<Related> {
  try {
    const object = await cluster.get(kindOf(reference.kind), reference);
    return { reference, object, events: isReady(object) ? [] : await eventsOf(cluster, object) };
  } catch (error) {
    if (error instanceof KubeError && error.status === 404)
      return { reference, object: 'NotFound', events: [] };
    if (error instanceof KubeError && error.status === 403)
      return { reference, object: 'Forbidden', events: [] };
    throw error;
  }
}

export const eventsOf = async (cluster: Cluster, { metadata }: Stored): Promise<readonly Stored[]> =>
  (await ifReadable(
    cluster.list(EVENT_KIND, {
      namespace: metadata.namespace,
      fieldSelector: `involvedObject.uid=${metadata.uid ?? ''}`,
    }),
  )) ?? [];
