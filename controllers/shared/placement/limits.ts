/** What a placement policy limits on each node, and what it prefers: as a placement asks for it. Types only. */
import type { Bytes, NodeName } from '../../../src/lib/units.ts';
import type { Judgement } from './rules.ts';

export interface PolicyLimits extends Judgement {
  /** Nodes in order of preference; empty: none. */
  readonly order: readonly NodeName[];
  readonly maxVMsPerNode?: number | undefined;
  /** VMs on a node, and those that are to be made there, without the VM itself. */
  readonly vmsOn: (node: NodeName) => number;
  readonly minFreeMemory?: Bytes | undefined;
}
