/** VMPlacementPolicy: reports which VMs it applies to, and which of them are where it would not place them. It moves none. */
import { isObserved, type VMPlacementPolicy, type VMPlacementPolicyStatus } from '../../src/api/index.ts';
import { seconds } from '../../src/lib/units.ts';
import type { Controller } from '../../src/runtime/controller.ts';
import { settled, unchanged } from '../../src/runtime/outcome.ts';
import { entriesOf, newsOf, outcomeOf, statusOf } from './report.ts';
import { acrossAt, sitesFor, violationsAt, type SitePorts } from './sites.ts';

export interface VMPlacementPolicyPorts extends SitePorts {
  /** Epoch ms. */
  readonly now: () => number;
}

/** Each edit of a VM asks for a pass, and a pass looks at all VMs. */
const PAUSE = seconds(5);

export function vmPlacementPolicyController(
  ports: VMPlacementPolicyPorts,
): Controller<VMPlacementPolicy, VMPlacementPolicyStatus> {
  const looked = new Map<string, { readonly at: number; readonly generation: number }>();

  /** Also forgets those that are long gone. */
  function mayWait({ metadata, status }: VMPlacementPolicy): boolean {
    const now = ports.now();
    for (const [uid, { at }] of looked) if (now - at >= PAUSE) looked.delete(uid);
    return looked.get(metadata.uid)?.generation === metadata.generation && isObserved(status);
  }

  return {
    name: 'vmplacementpolicy',
    async reconcile(policy, { deleting }) {
      if (deleting) return { outcome: settled(), status: policy.status ?? {} };
      if (mayWait(policy)) return { outcome: unchanged(PAUSE), status: {} };
      const sites = sitesFor(policy, ports);
      // Otherwise every start of the operator would report no violation for a moment.
      if (isObserved(policy.status) && sites.every(({ state }) => state === 'pending') && sites.length > 0)
        return { outcome: unchanged(PAUSE), status: {} };
      const entries = entriesOf(policy, await violationsAt(policy, sites, ports), sites);
      const { uid, generation } = policy.metadata;
      looked.set(uid, { at: ports.now(), generation });
      return {
        outcome: outcomeOf(policy, sites, acrossAt(policy, sites, ports)),
        status: statusOf(sites, entries),
        events: newsOf(policy, entries),
      };
    },
  };
}
