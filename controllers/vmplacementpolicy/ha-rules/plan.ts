/** What is to be done so that the HA rules of one Provider say what the policy says. Pure. */
import type { VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { HaRule, HaRuleSettings } from '../../../src/pve/index.ts';
import { commentFor, isOurs, RULE_TYPES, ruleNameFor, type RuleOwner, type RuleType } from './naming.ts';
import { wantedRules, type RuleVm, type WantedRule } from './wanted.ts';

/** A rule of more VMs would take long to prove. */
export const MAX_MEMBERS = 100;
const MAX_NAMED = 5;

export interface RuleFacts {
  readonly owner: RuleOwner;
  readonly spec: VMPlacementPolicySpec;
  /** False: the rules are to go. */
  readonly manages: boolean;
  readonly vms: readonly RuleVm[];
  /** Of the PVE cluster, those that are offline included. */
  readonly nodes: readonly NodeName[];
  /** Nodes that VMs may be placed on with the Provider; absent: all. */
  readonly allowed?: readonly NodeName[] | undefined;
  readonly rules: readonly HaRule[];
  /** VMs that HA manages. */
  readonly resources: ReadonlySet<Vmid>;
}

export type Change =
  | { readonly kind: 'create'; readonly settings: HaRuleSettings }
  | { readonly kind: 'update'; readonly settings: HaRuleSettings; readonly actual: HaRule }
  | { readonly kind: 'remove'; readonly actual: HaRule };

/** One rule: what there is, what is to be done, and what people should know. */
export interface PlannedRule {
  readonly type: RuleType;
  readonly rule: string;
  /** The rule in Proxmox VE, if it is ours. */
  readonly actual?: HaRule;
  readonly change?: Change;
  /** As clauses. */
  readonly notes: readonly string[];
}

interface Desired {
  readonly settings?: HaRuleSettings;
  readonly notes: readonly string[];
}

/** Rules of others are read only to see what they leave room for. */
export function planRules(facts: RuleFacts): readonly PlannedRule[] {
  const wanted = facts.manages ? wantedRules(facts.spec, facts.vms) : [];
  return RULE_TYPES.flatMap((type): PlannedRule[] => {
    const rule = ruleNameFor(facts.owner, type);
    const there = facts.rules.find((each) => each.rule === rule);
    const want = wanted.find((each) => each.type === type);
    if (there && !isOurs(there, facts.owner))
      return want
        ? [
            {
              type,
              rule,
              notes: [
                `the rule ${rule} exists, and its comment does not say that it is of this policy; delete it`,
              ],
            },
          ]
        : [];
    const { settings, notes }: Desired = want ? desiredFor(want, rule, there, facts) : { notes: [] };
    const change = changeFor(settings, there);
    if (!there && !change && notes.length === 0) return [];
    return [
      {
        type,
        rule,
        ...(there && { actual: there }),
        ...(change && { change }),
        notes: [...notes, ...(there && settings ? problemsOf(there) : [])],
      },
    ];
  });
}

const problemsOf = ({ errors, disabled, rule }: HaRule): readonly string[] => [
  ...(disabled ? [`the rule ${rule} is disabled in Proxmox VE`] : []),
  ...(errors.length > 0 ? [`Proxmox VE does not apply the rule ${rule}: ${errors.join(', ')}`] : []),
];

function changeFor(settings: HaRuleSettings | undefined, actual: HaRule | undefined): Change | undefined {
  if (!settings) return actual && { kind: 'remove', actual };
  if (!actual) return { kind: 'create', settings };
  return isAsWritten(actual, settings) ? undefined : { kind: 'update', settings, actual };
}

const isSameSet = <T>(a: readonly T[], b: readonly T[]): boolean =>
  new Set(a).size === new Set(b).size && a.every((each) => b.includes(each));

/** Whether it is disabled is left to people. */
export const isAsWritten = (
  actual: HaRule,
  { members, nodes = [], affinity, comment }: HaRuleSettings,
): boolean =>
  isSameSet(actual.members, members) &&
  !actual.hasOthers &&
  isSameSet(actual.nodes, nodes) &&
  actual.affinity === affinity &&
  !actual.strict &&
  actual.comment.trim() === comment;

/** What a change writes, with these members only. `undefined`: a rule of them would have no effect. */
export function withMembers(settings: HaRuleSettings, members: readonly Vmid[]): HaRuleSettings | undefined {
  return members.length < fewestOf(settings) ? undefined : { ...settings, members };
}

/** PVE refuses a resource-affinity rule of fewer than two. */
const fewestOf = ({ nodes }: Pick<HaRuleSettings, 'nodes'>): number => (nodes ? 1 : 2);

function desiredFor(want: WantedRule, rule: string, actual: HaRule | undefined, facts: RuleFacts): Desired {
  const { vms, others } = ofHa(want, actual, facts);
  const members = vms.map(({ vmid }) => vmid).toSorted((a, b) => a - b);
  const limited = limitsOn(want, members, facts);
  const nodes = want.type === 'NodeAffinity' ? nodesOf(want, facts) : undefined;
  const notes = [...others, ...limited.notes, ...(nodes?.length === 0 ? [NO_NODE] : [])];
  if (nodes?.length === 0) return { notes };
  const settings: HaRuleSettings = {
    rule,
    members: limited.members,
    ...(nodes ? { nodes } : { affinity: affinityOf(want.type) }),
    comment: commentFor(facts.owner),
  };
  const effective = withMembers(settings, limited.members);
  return { notes, ...(effective && { settings: effective }) };
}

const NO_NODE = 'no node of nodeSelector is one that VMs of the Provider may be placed on';

const affinityOf = (type: RuleType): 'positive' | 'negative' =>
  type === 'PositiveResourceAffinity' ? 'positive' : 'negative';

/** Without priorities: Proxmox VE refuses them together with resource affinity. */
const nodesOf = ({ nodes = [] }: WantedRule, facts: RuleFacts): readonly NodeName[] =>
  nodes.filter((node) => facts.nodes.includes(node) && (facts.allowed?.includes(node) ?? true));

/** Those of the VMs that can be in the rule, and what is to be said of the others. */
function ofHa(
  { type, vms }: WantedRule,
  actual: HaRule | undefined,
  { resources, rules }: RuleFacts,
): { readonly vms: readonly RuleVm[]; readonly others: readonly string[] } {
  const managed = vms.filter(({ vmid }) => resources.has(vmid));
  const unmanaged = vms.length - managed.length;
  const free = managed.filter((vm) => !vm.isLeftAlone || actual?.members.includes(vm.vmid) === true);
  const taken =
    type === 'NodeAffinity'
      ? rules.filter(
          (other) => other.rule !== actual?.rule && other.type === 'node-affinity' && !other.disabled,
        )
      : [];
  const isTaken = ({ vmid }: RuleVm): boolean => taken.some(({ members }) => members.includes(vmid));
  const elsewhere = free.filter(isTaken);
  return {
    vms: free.filter((vm) => !isTaken(vm)),
    others: [
      ...(unmanaged > 0 ? [`${unmanaged} of ${vms.length} VMs are no HA resources`] : []),
      ...(elsewhere.length > 0
        ? [`${numbersOf(elsewhere)} in a node-affinity rule of others, and Proxmox VE allows one for each VM`]
        : []),
    ],
  };
}

const numbersOf = (vms: readonly RuleVm[]): string => {
  const named = vms.slice(0, MAX_NAMED).map(({ vmid }) => vmid);
  const rest = vms.length - named.length;
  return `${vms.length === 1 ? 'VM' : 'VMs'} ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} ${vms.length === 1 ? 'is' : 'are'}`;
};

/** PVE refuses a rule that cannot be fulfilled as a whole, so nothing of it is kept. */
function limitsOn(
  { type }: WantedRule,
  members: readonly Vmid[],
  { nodes }: RuleFacts,
): { readonly members: readonly Vmid[]; readonly notes: readonly string[] } {
  if (type === 'NegativeResourceAffinity' && members.length > nodes.length)
    return {
      members: [],
      notes: [
        `${members.length} VMs cannot be kept apart on ${nodes.length} nodes, and Proxmox VE refuses a rule with more VMs than nodes`,
      ],
    };
  return members.length > MAX_MEMBERS
    ? {
        members: members.slice(0, MAX_MEMBERS),
        notes: [`a rule has at most ${MAX_MEMBERS} VMs, so ${members.length - MAX_MEMBERS} are left out`],
      }
    : { members, notes: [] };
}
