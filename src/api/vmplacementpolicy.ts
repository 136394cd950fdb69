/** Rules for the nodes that virtual machines may be placed on. */
import { z } from 'zod';
import { MiB, bytes } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { labelKey, labelOperator, labelSelector, labelValues, valuesFitOperator } from './label-selector.ts';
import type { Resource } from './resource.ts';
import { list, node, quantity, rule, text } from './schema.ts';
import { tag } from './virtualmachine-options.ts';

const topologyKey = z
  .enum(['node', 'zone'])
  .describe('Whether single nodes count, or zones of nodes (spec.zones of the Provider).');

const MAX_TERMS = 16;
export const MAX_VIOLATIONS = 32;
export const MAX_VIOLATION_MESSAGE = 512;
export const MAX_HA_RULES = 48;

/** Without labels it means guests by their tags in Proxmox VE, whoever made them. */
const term = rule(
  rule(
    z.object({
      key: labelKey.optional().describe('Label key of VirtualMachines that the term applies to.'),
      operator: labelOperator.optional().describe("Represents the label's relationship to the values."),
      values: labelValues
        .optional()
        .describe('Label values. Required for In and NotIn; must be empty for Exists and DoesNotExist.'),
      pveTags: list(tag, MAX_TERMS)
        .min(1)
        .optional()
        .describe(
          'Instead of a label: guests with one of these tags in Proxmox VE, also those that no VirtualMachine has.',
        ),
      namespaceSelector: labelSelector
        .optional()
        .describe(
          "Namespaces whose VMs the term means, by the labels of the Namespaces; absent: that of the policy. For a policy in another namespace than the Provider's, it has to be granted (placementAcrossNamespaces).",
        ),
      topologyKey: topologyKey
        .optional()
        .describe(
          'Whether single nodes count, or zones of nodes (spec.zones of the Provider); absent: node.',
        ),
    }),
    {
      cel: 'has(self.pveTags) ? !has(self.key) && !has(self.operator) && !has(self.values) && !has(self.namespaceSelector) : has(self.key) && has(self.operator)',
      message: 'must have either key and operator, or pveTags; namespaceSelector is for the former',
      holds: ({ key, operator, values, pveTags, namespaceSelector }) =>
        pveTags === undefined
          ? key !== undefined && operator !== undefined
          : [key, operator, values, namespaceSelector].every((each) => each === undefined),
    },
  ),
  valuesFitOperator,
);

const preferred = list(
  z.object({
    weight: z.int32().min(1).max(100).describe('How much it counts, from 1 to 100.'),
    term: term.describe('VMs that are meant.'),
  }),
  MAX_TERMS,
);

const spread = z.object({
  maxSkew: z
    .int32()
    .min(1)
    .max(10_000)
    .describe('By how many VMs at most a node, or a zone, may have more than the one with the fewest.'),
  topologyKey: topologyKey,
  whenUnsatisfiable: z
    .enum(['DoNotSchedule', 'ScheduleAnyway'])
    .describe(
      'DoNotSchedule: no node that would exceed maxSkew takes the VM. ScheduleAnyway: others are preferred.',
    ),
  labelSelector: labelSelector.describe('VMs that are counted, by their labels.'),
});

const spec = z.object({
  nodeSelector: list(node, 64)
    .optional()
    .describe('Nodes that VMs may be placed on, in order of preference where nothing else decides.'),
  antiAffinity: list(term, MAX_TERMS)
    .optional()
    .describe(
      'VMs that must not be on the same node, or in the same zone: those that match one of the terms.',
    ),
  affinity: list(term, MAX_TERMS)
    .optional()
    .describe(
      'VMs of which one must be on the same node, or in the same zone, for each term. If there is none anywhere, a VM that matches the term itself is the first.',
    ),
  preferredAntiAffinity: preferred
    .optional()
    .describe('VMs that should not be on the same node, or in the same zone.'),
  preferredAffinity: preferred
    .optional()
    .describe('VMs that should be on the same node, or in the same zone.'),
  topologySpread: list(spread, MAX_TERMS)
    .optional()
    .describe('How evenly VMs are distributed over nodes or zones.'),
  constraints: z
    .object({
      maxVMsPerNode: z
        .int32()
        .min(1)
        .max(10_000)
        .optional()
        .describe('Maximum number of VMs on a node, those of others included; containers do not count.'),
      minFreeMemory: quantity(bytes(16 * MiB), bytes(64 * 1024 ** 2 * MiB))
        .optional()
        .describe(
          'Minimum memory that remains free on the node, as a quantity with a unit, for example 4Gi.',
        ),
    })
    .optional()
    .describe('Limits for each node.'),
});

const status = z.object({
  ...statusBase,
  users: z.int32().min(0).optional().describe('Number of VirtualMachines that the policy applies to.'),
  violationCount: z
    .int32()
    .min(0)
    .optional()
    .describe('Number of those that are where the policy would not place them.'),
  violations: list(
    z.object({
      vm: text(320).describe('VirtualMachine, as namespace/name; without its name in another namespace.'),
      node: text(63).describe('Node that it is on.'),
      message: text(MAX_VIOLATION_MESSAGE).describe('What the policy says of the node.'),
    }),
    MAX_VIOLATIONS,
  )
    .optional()
    .describe('VMs that are where the policy would not place them, at most 32. They are never moved for it.'),
  haRules: list(
    z.object({
      providerRef: z
        .object({
          name: text(253).describe('Name of the Provider.'),
          namespace: text(63).describe('Namespace of the Provider.'),
        })
        .describe('Provider with spec.ha.rules: Manage, whose VMs are in the rule.'),
      type: z
        .enum(['NodeAffinity', 'NegativeResourceAffinity', 'PositiveResourceAffinity'])
        .describe('Kind of the rule: for nodeSelector, antiAffinity or affinity.'),
      rule: text(64).describe('Name of the rule in Proxmox VE.'),
      members: z.int32().min(0).describe('Number of VMs in the rule; 0 while Proxmox VE does not have it.'),
      message: text(512).optional().describe('Why the rule is not as the policy says.'),
    }),
    MAX_HA_RULES,
  )
    .optional()
    .describe(
      'HA rules in Proxmox VE that belong to the policy, or are about to be created, at most 48. They are removed before the policy is.',
    ),
});

export const VMPlacementPolicy = kind({
  kind: 'VMPlacementPolicy',
  plural: 'vmplacementpolicies',
  singular: 'vmplacementpolicy',
  shortNames: ['vmpp'],
  description: 'Rules for the nodes that virtual machines may be placed on.',
  spec,
  status,
  reportedOnly: ['users', 'violationCount', 'violations'],
  columns: [
    { name: 'Users', type: 'integer', jsonPath: '.status.users' },
    { name: 'Violations', type: 'integer', jsonPath: '.status.violationCount' },
    ready,
    age,
    readyMessage,
  ],
});

export type VMPlacementPolicySpec = Output<typeof spec>;
export type VMPlacementPolicySpecInput = Input<typeof spec>;
export type VMPlacementPolicyStatus = Output<typeof status>;
export type VMPlacementPolicy = Resource<VMPlacementPolicySpec, VMPlacementPolicyStatus>;
export type PlacementTerm = NonNullable<VMPlacementPolicySpec['antiAffinity']>[number];
