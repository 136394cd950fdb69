/** Namespaces whose placement policies may keep a VM away from VMs there. */
import type { PlacementTerm, Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { grantOf, isUndecided } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import { providerOf } from '../../shared/objects/provider-of.ts';
import type { InScope } from '../../shared/placement/rule-facts.ts';
import { keepsAwayAcross } from '../../shared/placement/scope.ts';

export interface ApartPorts {
  readonly policies: ObjectReader<VMPlacementPolicy>;
  readonly providers: ObjectReader<Provider>;
  readonly namespaces: Namespaces;
  /** Another number after each edit of a policy. */
  readonly changes: { readonly rules: () => number };
}

type Apart = (vm: Pick<Readable<VirtualMachine>, 'metadata' | 'spec'>, inScope: InScope) => readonly string[];

/** Its own, if a policy there keeps VMs apart, and others whose policies mean its own and may do so. */
export function createApart({ policies, providers, namespaces, changes }: ApartPorts): Apart {
  let known: { readonly rules: number; readonly within: Within } | undefined;
  return (vm, inScope) => {
    const rules = changes.rules();
    if (known?.rules !== rules) known = { rules, within: readWithin(policies.list()) };
    const { within } = known;
    const { namespace } = vm.metadata;
    const at = providerOf(vm);
    const provider = within.across.size === 0 ? undefined : providers.partial(at.namespace, at.name);
    const mayKeepAway = (home: string): boolean =>
      provider !== undefined && mayMean(provider, home, namespaces);
    const others = [...within.across]
      .filter(([home, terms]) => home !== namespace && terms.some((term) => inScope(term, namespace, home)))
      .flatMap(([home]) => (mayKeepAway(home) ? home : []));
    return [...(within.own.has(namespace) ? [namespace] : []), ...others];
  };
}

/** Also while the labels of its Namespace are not known: a VM that was made beside another is not moved. */
function mayMean(provider: Readable<Provider>, home: string, namespaces: Namespaces): boolean {
  const grant = grantOf(provider, home, namespaces);
  if (grant) return grant.placementAcrossNamespaces;
  const isGrantable =
    provider.spec.grants?.some((entry) => entry.placementAcrossNamespaces === true) === true;
  return isGrantable && isUndecided(provider, home, namespaces);
}

interface Within {
  /** Namespaces with policies that keep VMs apart. */
  readonly own: ReadonlySet<string>;
  /** Terms that keep VMs of other namespaces away, by the namespace of the policy. */
  readonly across: ReadonlyMap<string, readonly PlacementTerm[]>;
}

function readWithin(all: readonly Pick<VMPlacementPolicy, 'metadata' | 'spec'>[]): Within {
  const own = new Set<string>();
  const across = new Map<string, readonly PlacementTerm[]>();
  for (const { metadata, spec } of all) {
    const { namespace } = metadata;
    if (spec.antiAffinity) own.add(namespace);
    const terms = keepsAwayAcross(spec);
    if (terms.length > 0) across.set(namespace, [...(across.get(namespace) ?? []), ...terms]);
  }
  return { own, across };
}
