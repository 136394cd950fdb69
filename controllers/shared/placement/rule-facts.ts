/** What the rules of a placement policy are judged by. Types only. */
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';

type Labels = Readonly<Record<string, string>>;

/** The VM that a node is judged for. */
export interface Subject {
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly tags: readonly string[];
}

/** A VM that counts, or a guest that no VirtualMachine has. */
export interface Peer {
  /** Of the VirtualMachine. Absent: it has none. */
  readonly uid?: string;
  readonly namespace?: string;
  /** For people: `VirtualMachine web-1`, `VM 104`. */
  readonly text: string;
  readonly labels: Labels;
  readonly tags: readonly string[];
  /** Where it is, and where it is to be. */
  readonly nodes: readonly NodeName[];
  /** What its own policy keeps it apart from. */
  readonly antiAffinity?: readonly PlacementTerm[];
}

/** Whether a term means VMs of a namespace. A guest that is no VM has none. `home`: that of the policy. */
export type InScope = (term: PlacementTerm, namespace: string | undefined, home: string) => boolean;

/** What does not change as VMs come and go. */
export interface TermFacts extends Places {
  readonly rules: VMPlacementPolicySpec;
  /** Namespace of the policy. */
  readonly home: string;
  readonly inScope: InScope;
  /** Nodes that could take VMs otherwise: among them VMs are spread. */
  readonly eligible: readonly NodeName[];
}

export interface RuleFacts extends TermFacts {
  /** Those that the terms of the policy mean; the subject may be among them. */
  readonly peers: readonly Peer[];
  /** Those whose own policies may keep the VM apart from them. */
  readonly around: readonly Peer[];
}

export type TopologyKey = 'node' | 'zone';

export interface Places {
  readonly zoneOf: (node: NodeName) => string | undefined;
}

/** Why a node is excluded, as a clause. */
export type Check = (node: NodeName) => string | undefined;
export type Score = (node: NodeName) => number;
