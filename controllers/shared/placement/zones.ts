/** The zones of a Provider's nodes. Pure. */
import type { Provider } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

/** Of a node that is in several, the first by name. */
export function zonesOf(provider: Readable<Provider> | undefined): (node: NodeName) => string | undefined {
  const zones = new Map<NodeName, string>();
  const byName = Object.entries(provider?.spec.zones ?? {}).toSorted(([a], [b]) => a.localeCompare(b));
  for (const [zone, nodes] of byName) for (const node of nodes) if (!zones.has(node)) zones.set(node, zone);
  return (node) => zones.get(node);
}
