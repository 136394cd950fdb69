/**
 * Whom policies count, kept from one placement to the next: thousands of VMs may wait, and each of them would look at all
 * VMs of its namespace. What has changed since is looked at; where that is not known, everything is.
 */
import type { VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { Connection } from '../cluster/connections.ts';
import { countsOthers, meansTags } from './counted.ts';
import { createFeed, type Feed, type FeedPorts } from './feed.ts';
import type { Change } from './meant.ts';
import type { InScope, Places } from './rule-facts.ts';
import { createJudge, type Judge } from './rules.ts';
import type { Site } from './site.ts';
import { providerKeyOf } from '../objects/provider-of.ts';

/** What one VM is judged by. */
export interface Question extends Places {
  readonly vm: Pick<Readable<VirtualMachine>, 'metadata' | 'spec'>;
  readonly policy: Pick<VMPlacementPolicy, 'metadata' | 'spec'> | undefined;
  /** Namespaces that the terms of the policy mean besides that of the policy. */
  readonly besides: readonly string[];
  /** Namespaces whose policies may keep it apart from VMs there. */
  readonly apartFrom: readonly string[];
  readonly inScope: InScope;
  readonly eligible: readonly NodeName[];
  readonly site: Site;
}

export type Counts = (connection: Pick<Connection, 'ledger'>, question: Question) => Judge['judge'];

/** Each holds what it says of all VMs of a namespace. */
const MOST_KEPT = 64;

export function createCounts(ports: FeedPorts): Counts {
  const byCluster = new WeakMap<Connection['ledger'], Map<string, Kept>>();
  return ({ ledger }, question) => {
    const all = byCluster.get(ledger) ?? new Map<string, Kept>();
    byCluster.set(ledger, all);
    const key = keyOf(question);
    const before = all.get(key);
    const kept = before && follow(before, question, ports) ? before : fill(question, ports);
    // The one that was asked last is the last to go.
    all.delete(key);
    all.set(key, kept);
    for (const oldest of all.keys().take(Math.max(0, all.size - MOST_KEPT))) all.delete(oldest);
    return kept.judge;
  };
}

interface Kept {
  readonly judge: Judge['judge'];
  readonly feeds: readonly Feed[];
  readonly basis: Basis;
}

/** If it has changed, everything is looked at. */
interface Basis {
  readonly rules: number;
  readonly generation: number | undefined;
}

const basisOf = ({ policy }: Question, { changes }: FeedPorts): Basis => ({
  rules: changes.rules(),
  generation: policy?.metadata.generation,
});

const isSame = (a: Basis, b: Basis): boolean => a.rules === b.rules && a.generation === b.generation;

/** Subjects with the same key are judged by the same. */
const keyOf = ({ vm, policy, eligible, besides, apartFrom }: Question): string => {
  const { namespace } = vm.metadata;
  const { uid = '' } = policy?.metadata ?? {};
  return JSON.stringify([namespace, uid, providerKeyOf(vm), besides, apartFrom, eligible]);
};

function fill(question: Question, ports: FeedPorts): Kept {
  const { policy, site } = question;
  const rules = policy?.spec ?? {};
  const home = policy?.metadata.namespace ?? question.vm.metadata.namespace;
  const judge = createJudge({ ...question, rules, home });
  const feeds = feedsOf(question, judge);
  for (const feed of feeds) feed.fill(site, ports);
  return { judge: judge.judge, feeds, basis: basisOf(question, ports) };
}

/** One for each namespace, whether its VMs are counted, may keep the VM away, or both. */
function feedsOf({ vm, policy, besides, apartFrom }: Question, { counted, around }: Judge): readonly Feed[] {
  const from = vm.metadata.namespace;
  const home = policy && countsOthers(policy.spec) ? policy.metadata.namespace : undefined;
  const meant = home === undefined ? [] : [home, ...besides];
  const both: Change = (before, after) => {
    counted(before, after);
    around(before, after);
  };
  return [...new Set([...meant, ...apartFrom])].map((namespace) => {
    const to = !apartFrom.includes(namespace) ? counted : meant.includes(namespace) ? both : around;
    // Guests that are no VMs are counted once.
    const strangers = namespace === home && policy !== undefined && meansTags(policy.spec);
    return createFeed({ namespace, from, to, strangers });
  });
}

const follow = ({ feeds, basis }: Kept, question: Question, ports: FeedPorts): boolean =>
  isSame(basis, basisOf(question, ports)) && feeds.every((feed) => feed.follow(question.site, ports));
