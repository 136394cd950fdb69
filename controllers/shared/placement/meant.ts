/** Where those are whom terms mean, kept up to date peer by peer. */
import type { PlacementTerm } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Check, Peer, Places, Subject, TermFacts, TopologyKey } from './rule-facts.ts';
import { domainOf, domainsOf, isOther, meaningIn, placeIn } from './terms.ts';

/** A peer in place of another. `undefined`: there was none, or there is none any more. */
export type Change = (before: Peer | undefined, after: Peer | undefined) => void;

class ByDomain {
  readonly #found = new Map<string, Set<Peer>>();

  add(domain: string, peer: Peer): void {
    const there = this.#found.get(domain) ?? new Set();
    this.#found.set(domain, there.add(peer));
  }

  delete(domain: string, peer: Peer): void {
    const there = this.#found.get(domain);
    there?.delete(peer);
    if (there?.size === 0) this.#found.delete(domain);
  }

  /** One of them is the subject at most, so this is soon found. */
  otherAt(domain: string | undefined, subject: Subject): Peer | undefined {
    return domain === undefined ? undefined : this.#found.get(domain)?.values().find(isOther(subject));
  }

  hasOther(subject: Subject): boolean {
    return this.#found.keys().some((domain) => this.otherAt(domain, subject) !== undefined);
  }
}

export interface Meant {
  readonly change: Change;
  /** One that is not the subject itself. */
  readonly otherAt: (domain: string | undefined, subject: Subject) => Peer | undefined;
  readonly hasOther: (subject: Subject) => boolean;
}

type Facts = Pick<TermFacts, 'zoneOf' | 'home' | 'inScope'>;

export function whereMeant(term: PlacementTerm, places: Facts): Meant {
  const found = new ByDomain();
  const isMeant = meaningIn(term, places.home, places.inScope);
  const domains = (peer: Peer): readonly string[] =>
    isMeant(peer) ? domainsOf(peer, term.topologyKey, places) : [];
  return {
    change(before, after) {
      if (before) for (const domain of domains(before)) found.delete(domain, before);
      if (after) for (const domain of domains(after)) found.add(domain, after);
    },
    otherAt: (domain, subject) => found.otherAt(domain, subject),
    hasOther: (subject) => found.hasOther(subject),
  };
}

const TOPOLOGY_KEYS: readonly TopologyKey[] = ['node', 'zone'];

/** Peers whose policy has the same terms. */
interface Keeping {
  readonly means: readonly { readonly key: TopologyKey; readonly isMeant: (subject: Subject) => boolean }[];
  readonly where: Readonly<Record<TopologyKey, ByDomain>>;
  peers: number;
}

export interface KeptApart {
  readonly change: Change;
  readonly checkFor: (subject: Subject) => Check;
}

/** Rules are symmetric: what keeps away from the VM is kept away from. */
export function keptApart(places: Facts): KeptApart {
  /** The VMs of a policy share its terms. */
  const groups = new Map<readonly PlacementTerm[], Keeping>();
  const move = (peer: Peer | undefined, how: 'add' | 'delete'): void => {
    const { antiAffinity = [] } = peer ?? {};
    if (!peer || antiAffinity.length === 0) return;
    const group = groups.get(antiAffinity) ?? keeping(antiAffinity, peer.namespace ?? places.home, places);
    groups.set(antiAffinity, group);
    for (const key of TOPOLOGY_KEYS)
      for (const domain of domainsOf(peer, key, places)) group.where[key][how](domain, peer);
    group.peers += how === 'add' ? 1 : -1;
    if (group.peers === 0) groups.delete(antiAffinity);
  };
  return {
    change(before, after) {
      move(before, 'delete');
      move(after, 'add');
    },
    checkFor(subject) {
      const kept = [...groups.values()].flatMap(({ means, where }) =>
        TOPOLOGY_KEYS.filter((key) => means.some((term) => term.key === key && term.isMeant(subject))).map(
          (key) => ({ key, where: where[key] }),
        ),
      );
      return (node) => firstOf(kept, node, { subject, places });
    },
  };
}

/** The policy of a peer is in its namespace. */
const keeping = (terms: readonly PlacementTerm[], home: string, { inScope }: Facts): Keeping => ({
  means: terms.map((term) => ({
    key: term.topologyKey ?? 'node',
    isMeant: meaningIn(term, home, inScope),
  })),
  where: { node: new ByDomain(), zone: new ByDomain() },
  peers: 0,
});

function firstOf(
  kept: readonly { readonly key: TopologyKey; readonly where: ByDomain }[],
  node: NodeName,
  { subject, places }: { readonly subject: Subject; readonly places: Places },
): string | undefined {
  for (const { key, where } of kept) {
    const peer = where.otherAt(domainOf(node, key, places), subject);
    if (peer) return `${peer.text} is ${placeIn(key)}, and its policy keeps this VM away from it`;
  }
  return undefined;
}
