/**
 * How HA rules are named, and how those of a policy are recognized. The name is derived from the cluster ID, the policy and
 * the Provider, so a crash never makes a second rule; the comment says whose rule it is. Only a rule with both is changed or
 * removed. Pure.
 */
import type { VMPlacementPolicyStatus } from '../../../src/api/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import type { HaRule } from '../../../src/pve/index.ts';

export type HaRuleEntry = NonNullable<VMPlacementPolicyStatus['haRules']>[number];
export type RuleType = HaRuleEntry['type'];

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Whose rules they are. */
export interface RuleOwner {
  /** ID of the Kubernetes cluster. */
  readonly clusterId: string;
  readonly policy: Named & { readonly uid: string };
  readonly provider: Named;
}

export const RULE_TYPES: readonly RuleType[] = [
  'NodeAffinity',
  'NegativeResourceAffinity',
  'PositiveResourceAffinity',
];

const SUFFIXES: Readonly<Record<RuleType, string>> = {
  NodeAffinity: 'nodes',
  NegativeResourceAffinity: 'apart',
  PositiveResourceAffinity: 'together',
};

const DIGITS = 16;

/** For example `virtrigaud-4f2c0d9be7a15566-apart`: letters, digits and hyphens, a letter first (`pve-configid`). */
export function ruleNameFor({ clusterId, policy, provider }: RuleOwner, type: RuleType): string {
  const about = [clusterId, policy.namespace, policy.name, provider.namespace, provider.name].join('/');
  return `virtrigaud-${sha256Hex(about).slice(0, DIGITS)}-${SUFFIXES[type]}`;
}

export const commentFor = ({ clusterId, policy: { namespace, name, uid } }: RuleOwner): string =>
  `Managed by the VMPlacementPolicy ${namespace}/${name} in Kubernetes. virtrigaud-policy: ${clusterId}/${namespace}/${name}/${uid}`;

const COMMENT = /virtrigaud-policy: ([^/\s]+)\/([^/\s]+)\/([^/\s]+)\/([^/\s]+)\s*$/;

/**
 * A rule that was made for an earlier policy of the same name counts: it holds nothing that is not derived from the policy,
 * and would otherwise stay for ever once a cluster is rebuilt from Git.
 */
export function isOurs({ rule, comment }: Pick<HaRule, 'rule' | 'comment'>, owner: RuleOwner): boolean {
  const [, cluster, namespace, name] = COMMENT.exec(comment) ?? [];
  return (
    RULE_TYPES.some((type) => ruleNameFor(owner, type) === rule) &&
    cluster === owner.clusterId &&
    namespace === owner.policy.namespace &&
    name === owner.policy.name
  );
}
