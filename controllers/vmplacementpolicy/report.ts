/** What is reported about a placement policy. Pure. */
import {
  MAX_VIOLATION_MESSAGE,
  MAX_VIOLATIONS,
  type VirtualMachine,
  type VMPlacementPolicy,
  type VMPlacementPolicyStatus,
} from '../../src/api/index.ts';
import { closestOf } from '../../src/lib/closest.ts';
import { cutBytes } from '../../src/lib/cut-bytes.ts';
import { seconds } from '../../src/lib/units.ts';
import type { EventNote, Readable } from '../../src/runtime/controller.ts';
import { settled, stalled, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import { normal, warning } from '../shared/errors/event.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { endsOnlyByEdit } from '../shared/errors/only-by-edit.ts';
import type { Across } from '../shared/placement/across-namespaces.ts';
import type { PolicySite } from './sites.ts';
import type { Violation } from './violations.ts';

/** A VM that is moved in Proxmox VE asks for no pass. */
const LATER = seconds(15);
const MAX_NAMED = 3;

type Entry = NonNullable<VMPlacementPolicyStatus['violations']>[number];

/** As status lists them, and how many there are. */
export interface Entries {
  readonly listed: readonly Entry[];
  readonly count: number;
}

const keyOf = ({ vm, node }: Pick<Entry, 'vm' | 'node'>): string => `${vm} ${node}`;

/** Names of VMs in other namespaces are not for those who may read the policy. */
const textOf = (namespace: string, { metadata }: Readable<VirtualMachine>): string =>
  metadata.namespace === namespace ? `${namespace}/${metadata.name}` : metadata.namespace;

/** Where Proxmox VE does not answer, what was reported last stays. */
export function entriesOf(
  { metadata: { namespace }, status }: VMPlacementPolicy,
  violations: readonly Violation[],
  sites: readonly PolicySite[],
): Entries {
  const unseen = new Set(
    sites
      .filter(({ state }) => state !== 'known')
      .flatMap(({ users }) => users.map((vm) => textOf(namespace, vm))),
  );
  const kept = (status?.violations ?? []).filter(({ vm }) => unseen.has(vm));
  const found = violations.map(({ vm, node, message }) => ({
    vm: textOf(namespace, vm),
    node,
    message: cutBytes(message, MAX_VIOLATION_MESSAGE),
  }));
  const all = [...kept, ...found].toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
  return { listed: all.slice(0, MAX_VIOLATIONS), count: all.length };
}

export const statusOf = (
  sites: readonly PolicySite[],
  { listed, count }: Entries,
): VMPlacementPolicyStatus => ({
  users: sites.reduce((sum, { users }) => sum + users.length, 0),
  violationCount: count,
  ...(listed.length > 0 && { violations: [...listed] }),
});

/** @param across whether its terms may mean VMs of other namespaces: without that none of its VMs is made */
export function outcomeOf(
  { spec }: VMPlacementPolicy,
  sites: readonly PolicySite[],
  across: Across,
): Outcome {
  if (!across.ok) {
    const { reason, message } = across;
    return endsOnlyByEdit(reason) ? stalled(reason, message, LATER) : waiting(reason, message, LATER);
  }
  if (sites.some(({ state, users }) => state !== 'known' && users.length > 0))
    return waiting(
      Reasons.providerNotReady,
      'A Provider of its VMs is not connected to Proxmox VE, so where these are is not known. What is reported of them is what was seen last. Reconciliation resumes once it is connected.',
      LATER,
    );
  return nodeMissing(spec.nodeSelector ?? [], sites) ?? settled(LATER);
}

/** A node that no cluster has is a mistake in writing; where not all of them are known, it may be in another. */
function nodeMissing(nodeSelector: readonly string[], sites: readonly PolicySite[]): Outcome | undefined {
  if (sites.length === 0 || sites.some(({ state }) => state !== 'known')) return undefined;
  const there = new Set(sites.flatMap(({ site }) => site?.view.nodes.map(({ name }) => name) ?? []));
  const missing = nodeSelector.filter((node) => ![...there].some((name) => name === node));
  const [first] = missing;
  return first === undefined
    ? undefined
    : stalled(
        'NodeNotFound',
        `spec.nodeSelector names ${missing.slice(0, MAX_NAMED).join(', ')}, which no cluster that it is for has. Nodes there are ${closestOf(first, [...there])}. Correct spec.nodeSelector.`,
        LATER,
      );
}

/** Of those that status lists: each once, when it begins and when the last has ended. */
export function newsOf({ status }: VMPlacementPolicy, { listed, count }: Entries): readonly EventNote[] {
  const known = new Set(status?.violations?.map(keyOf));
  const begun = listed.filter((entry) => !known.has(keyOf(entry)));
  if (begun.length > 0) {
    const named = begun.slice(0, MAX_NAMED).map(({ vm, node, message }) => `${vm} is on ${node}: ${message}`);
    return [
      warning(
        'PolicyViolated',
        `${count === 1 ? '1 VM is' : `${count} VMs are`} where the policy would not place them, and none is moved for it. New: ${named.join('; ')}. status.violations lists them.`,
      ),
    ];
  }
  return count === 0 && known.size > 0
    ? [normal('PolicyKept', 'All VMs are where the policy would place them.')]
    : [];
}
