/** Rules for the nodes that virtual machines may be placed on. */
import { z } from 'zod';
import { MiB, bytes } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { labelTerm } from './label-selector.ts';
import type { Resource } from './resource.ts';
import { list, node, quantity } from './schema.ts';

const spec = z.object({
  nodeSelector: list(node, 64)
    .optional()
    .describe('Nodes that VMs may be placed on, in order of preference.'),
  antiAffinity: list(labelTerm, 16)
    .optional()
    .describe('VMs that must not be on the same node: those whose labels match one of the terms.'),
  constraints: z
    .object({
      maxVMsPerNode: z.int32().min(1).max(10_000).optional().describe('Maximum number of VMs on a node.'),
      minFreeMemory: quantity(bytes(16 * MiB), bytes(64 * 1024 ** 2 * MiB))
        .optional()
        .describe(
          'Minimum memory that remains free on the node, as a quantity with a unit, for example 4Gi.',
        ),
    })
    .optional()
    .describe('Limits for each node.'),
});

const status = z.object(statusBase);

export const VMPlacementPolicy = kind({
  kind: 'VMPlacementPolicy',
  plural: 'vmplacementpolicies',
  singular: 'vmplacementpolicy',
  shortNames: ['vmpp'],
  description: 'Rules for the nodes that virtual machines may be placed on.',
  spec,
  status,
  columns: [ready, age, readyMessage],
});

export type VMPlacementPolicySpec = Output<typeof spec>;
export type VMPlacementPolicySpecInput = Input<typeof spec>;
export type VMPlacementPolicyStatus = Output<typeof status>;
export type VMPlacementPolicy = Resource<VMPlacementPolicySpec, VMPlacementPolicyStatus>;
