/** Which HA rules a policy stands for, and which VMs belong into them. Pure. */
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import { meaning } from '../../shared/placement/terms.ts';
import type { RuleType } from './naming.ts';

/** A VM that the policy applies to. */
export interface RuleVm {
  readonly vmid: Vmid;
  readonly uid: string;
  /** It is in the namespace of the policy, whose VMs the terms by label mean. */
  readonly isOwn: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** In Proxmox VE, in lower case. */
  readonly tags: readonly string[];
  /** Its managementPolicy keeps it as it is: it is neither added to a rule nor taken out of one. */
  readonly isLeftAlone: boolean;
}

/** What the policy says of nodes and VMs, as far as a rule can say it. */
export interface WantedRule {
  readonly type: RuleType;
  readonly vms: readonly RuleVm[];
  /** Of a node-affinity rule, those that the policy lists. */
  readonly nodes?: readonly NodeName[];
}

const byNode = (terms: readonly PlacementTerm[] = []): readonly PlacementTerm[] =>
  terms.filter(
    ({ topologyKey, namespaceSelector }) => topologyKey !== 'zone' && namespaceSelector === undefined,
  );

/**
 * All members of a resource-affinity rule are apart from, or together with, all others. So only VMs that the terms
 * mean themselves belong into it: of others a term says nothing among themselves.
 */
function meant(terms: readonly PlacementTerm[], vms: readonly RuleVm[]): readonly RuleVm[] {
  const meanings = terms.map(meaning);
  return vms.filter(({ uid, isOwn, labels, tags }) =>
    meanings.some((means) => means({ ...(isOwn && { uid }), labels, tags })),
  );
}

export function wantedRules(spec: VMPlacementPolicySpec, vms: readonly RuleVm[]): readonly WantedRule[] {
  const nodes = spec.nodeSelector ?? [];
  const apart = byNode(spec.antiAffinity);
  const together = byNode(spec.affinity);
  return [
    ...(nodes.length > 0 ? [{ type: 'NodeAffinity' as const, vms, nodes }] : []),
    ...(apart.length > 0 ? [{ type: 'NegativeResourceAffinity' as const, vms: meant(apart, vms) }] : []),
    ...(together.length > 0
      ? [{ type: 'PositiveResourceAffinity' as const, vms: meant(together, vms) }]
      : []),
  ];
}

/** Hard rules that HA rules cannot say, as fields of the spec. */
export function beyondRules(spec: VMPlacementPolicySpec): readonly string[] {
  const isAcross = ({ namespaceSelector }: PlacementTerm): boolean => namespaceSelector !== undefined;
  const isByZone = ({ topologyKey }: PlacementTerm): boolean => topologyKey === 'zone';
  return [
    ...(spec.antiAffinity?.some(isByZone) ? ['antiAffinity by zone'] : []),
    ...(spec.affinity?.some(isByZone) ? ['affinity by zone'] : []),
    ...([...(spec.antiAffinity ?? []), ...(spec.affinity ?? [])].some(isAcross) ? ['namespaceSelector'] : []),
    ...(spec.topologySpread?.some(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
      ? ['topologySpread']
      : []),
  ];
}
