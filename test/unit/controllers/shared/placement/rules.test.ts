/** Placement policies, over generated worlds: what they allow, what they prefer, and what they say. */
import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../../../src/api/index.ts';
import { bytes, GiB, nodeName, type NodeName } from '../../../../../src/lib/units.ts';
import { place, type PlacementRequest } from '../../../../../controllers/shared/placement/place.ts';
import type { Peer, RuleFacts, Subject } from '../../../../../controllers/shared/placement/rule-facts.ts';
import { judging, type Judgement } from '../../../../../controllers/shared/placement/rules.ts';
import { aNode, aStorage, aView } from '../../../../builders/views.ts';
import { scopeIn } from '../../../../../controllers/shared/placement/scope.ts';

const NODES = ['pve-1', 'pve-2', 'pve-3', 'pve-4'].map((name) => nodeName(name));
const ZONES: Readonly<Record<string, string>> = { 'pve-1': 'a', 'pve-2': 'a', 'pve-3': 'b' };
const zoneOf = (node: NodeName): string | undefined => ZONES[node];

/** Labels of Namespaces. */
const TEAMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  default: { team: 'a' },
  other: { team: 'b' },
  third: {},
};
const inScope = scopeIn({ labelsOf: (name) => TEAMS[name] ?? 'unread' });
const HOME = { home: 'default', inScope };

const subject = (labels: Subject['labels'] = {}): Subject => ({
  uid: 'own',
  namespace: 'default',
  labels,
  tags: [],
});
const peer = (uid: string, node: NodeName, labels: Peer['labels'] = {}, more: Partial<Peer> = {}): Peer => ({
  uid,
  namespace: 'default',
  text: `VirtualMachine ${uid}`,
  labels,
  tags: [],
  nodes: [node],
  ...more,
});
const [ONE, TWO, THREE, FOUR] = NODES as [NodeName, NodeName, NodeName, NodeName];
const IS_DB: PlacementTerm = { key: 'vm.type', operator: 'In', values: ['database'] };
const DB = { 'vm.type': 'database' };

const judged = (
  rules: VMPlacementPolicySpec,
  peers: readonly Peer[],
  { labels = {}, around = [] }: { labels?: Subject['labels']; around?: readonly Peer[] } = {},
): Judgement => judging({ ...HOME, rules, peers, around, eligible: NODES, zoneOf })(subject(labels));
const allowed = (...args: Parameters<typeof judged>): readonly NodeName[] => {
  const { rejected } = judged(...args);
  return NODES.filter((node) => rejected(node) === undefined);
};

describe('a node is rejected', () => {
  test('that the policy does not select', () => {
    expect(allowed({ nodeSelector: [TWO] }, [])).toEqual([TWO]);
  });

  test('by anti-affinity, where a VM is that it means, and nowhere else', () => {
    const peers = [peer('db-1', ONE, DB), peer('web', TWO, { 'vm.type': 'web' })];
    expect(allowed({ antiAffinity: [IS_DB] }, peers)).toEqual([TWO, THREE, FOUR]);
    expect(judged({ antiAffinity: [IS_DB] }, peers).rejected(ONE)).toBe(
      'VirtualMachine db-1 is on it, which antiAffinity excludes (vm.type In database)',
    );
  });

  test('by affinity in a zone, where it is in none: also for the first of a group', () => {
    const term = { ...IS_DB, topologyKey: 'zone' as const };
    expect(allowed({ affinity: [term] }, [], { labels: DB })).toEqual([ONE, TWO, THREE]);
  });

  test('by anti-affinity in a zone, as far as nodes are in one', () => {
    const term = { ...IS_DB, topologyKey: 'zone' as const };
    expect(allowed({ antiAffinity: [term] }, [peer('db-1', ONE, DB)])).toEqual([THREE, FOUR]);
  });

  test('not by the VM itself, wherever it is', () => {
    expect(allowed({ antiAffinity: [IS_DB] }, [peer('own', ONE, DB)], { labels: DB })).toEqual(NODES);
  });

  test('by affinity, where no VM is that it means; but the first of a group may be anywhere', () => {
    expect(allowed({ affinity: [IS_DB] }, [peer('db-1', TWO, DB)])).toEqual([TWO]);
    expect(allowed({ affinity: [IS_DB] }, [])).toEqual([]);
    expect(allowed({ affinity: [IS_DB] }, [], { labels: DB })).toEqual(NODES);
    expect(allowed({ affinity: [{ ...IS_DB, topologyKey: 'zone' }] }, [peer('db-1', ONE, DB)])).toEqual([
      ONE,
      TWO,
    ]);
  });

  test('where a VM is whose own policy keeps away from this one', () => {
    const around = [peer('db-1', THREE, {}, { antiAffinity: [{ key: 'team', operator: 'Exists' }] })];
    expect(allowed({}, [], { labels: { team: 'a' }, around })).toEqual([ONE, TWO, FOUR]);
    expect(allowed({}, [], { labels: {}, around })).toEqual(NODES);
  });

  test('by tags, whoever made the guest; and labels are those of VirtualMachines', () => {
    const stranger: Peer = { text: 'a guest with this tag', labels: {}, tags: ['oracle'], nodes: [FOUR] };
    expect(allowed({ antiAffinity: [{ pveTags: ['Oracle'] }] }, [stranger])).toEqual([ONE, TWO, THREE]);
    expect(allowed({ antiAffinity: [{ key: 'a', operator: 'DoesNotExist' }] }, [stranger])).toEqual(NODES);
  });

  test('that would have too many more than the others', () => {
    const spread = (topologyKey: 'node' | 'zone', maxSkew = 1): VMPlacementPolicySpec => ({
      topologySpread: [
        { topologyKey, maxSkew, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: DB } },
      ],
    });
    const peers = [peer('db-1', ONE, DB), peer('db-2', TWO, DB)];
    expect(allowed(spread('node'), peers, { labels: DB })).toEqual([THREE, FOUR]);
    // Two of them are in zone a, none is in b, and the last node is in none.
    expect(allowed(spread('zone', 2), peers, { labels: DB })).toEqual([THREE]);
    expect(allowed(spread('zone', 3), peers, { labels: DB })).toEqual([ONE, TWO, THREE]);
  });
});

const label = fc.constantFrom('database', 'web', 'cache');
const labels = fc.oneof(
  fc.constant({}),
  label.map((value) => ({ 'vm.type': value })),
);
const term: fc.Arbitrary<PlacementTerm> = fc.record(
  {
    key: fc.constant('vm.type'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.uniqueArray(label, { minLength: 1, maxLength: 2 }),
    topologyKey: fc.constantFrom('node' as const, 'zone' as const),
    namespaceSelector: fc.constantFrom(
      { matchLabels: { team: 'a' } },
      { matchLabels: { team: 'b' } },
      { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' as const }] },
    ),
  },
  { requiredKeys: ['key', 'operator', 'values'] },
);
const node = fc.constantFrom(...NODES);
const terms = fc.array(term, { maxLength: 2 });
const peers = fc
  .array(
    fc.record({
      labels,
      node,
      antiAffinity: terms,
      namespace: fc.constantFrom('default', 'default', 'other', 'third'),
    }),
    { maxLength: 8 },
  )
  .map((all) => all.map((each, at) => peer(`vm-${at}`, each.node, each.labels, each)));
const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') =>
  fc.record({
    maxSkew: fc.integer({ min: 1, max: 3 }),
    topologyKey: fc.constantFrom('node' as const, 'zone' as const),
    whenUnsatisfiable: fc.constant(whenUnsatisfiable),
    labelSelector: label.map((value) => ({ matchLabels: { 'vm.type': value } })),
  });
const weighted = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), term }), { maxLength: 2 });
const hardRules = fc.record(
  {
    nodeSelector: fc.uniqueArray(node, { minLength: 1, maxLength: 4 }),
    antiAffinity: terms,
    affinity: fc.array(term, { maxLength: 1 }),
    topologySpread: fc.array(spread('DoNotSchedule'), { maxLength: 1 }),
  },
  { requiredKeys: [] },
);
const softRules = fc.record({
  preferredAffinity: weighted,
  preferredAntiAffinity: weighted,
  topologySpread: fc.array(spread('ScheduleAnyway'), { maxLength: 1 }),
});
const world = fc.record({ rules: hardRules, peers, labels, online: fc.uniqueArray(node, { minLength: 1 }) });
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

const factsOf = ({ rules, peers: all, online }: World): RuleFacts => ({
  rules,
  peers: all,
  around: all,
  eligible: online,
  zoneOf,
  ...HOME,
});

function placedIn(of: World, facts = factsOf(of), change: Partial<PlacementRequest> = {}) {
  const view = aView({
    nodes: NODES.map((name) => ({ ...aNode(name), online: of.online.includes(name) })),
    storages: NODES.map((name) => aStorage('local-lvm', { node: name })),
  });
  const judgement = judging(facts)(subject(of.labels));
  const { creation } = place(
    {
      cpus: 1,
      memory: bytes(GiB),
      nodeSelector: [],
      storage: 'local-lvm',
      rootDisk: bytes(GiB),
      policy: { ...judgement, order: facts.rules.nodeSelector ?? [], vmsOn: () => 0 },
      ...change,
    },
    'none',
    view,
    { memory: new Map(), space: new Map() },
  );
  return creation;
}

/** Written without what is tested: whether a term of a policy in a namespace means VMs of another one. */
const isAbout = ({ namespaceSelector }: PlacementTerm, namespace: string, home: string): boolean => {
  if (!namespaceSelector) return namespace === home;
  const team = namespaceSelector.matchLabels?.['team'];
  return TEAMS[namespace]?.['team'] === team;
};

/** Written without what is tested: the nodes that a term means. */
const meansNode = (
  each: PlacementTerm,
  all: readonly Peer[],
  { at, home = 'default' }: { at: NodeName; home?: string | undefined },
): boolean => {
  const isMeant = ({ labels: own, namespace = '' }: Pick<Peer, 'labels' | 'namespace'>): boolean =>
    isAbout(each, namespace, home) &&
    (each.values ?? []).includes(own['vm.type'] ?? '') === (each.operator === 'In');
  const near = (other: NodeName): boolean =>
    each.topologyKey === 'zone' ? zoneOf(at) !== undefined && zoneOf(other) === zoneOf(at) : other === at;
  return all.some((other) => isMeant(other) && other.nodes.some(near));
};

describe('placing by a policy, in every world', () => {
  test('breaks no hard rule, in neither direction', () => {
    let placedCount = 0;
    fc.assert(
      fc.property(world, (of) => {
        const creation = placedIn(of);
        if (!creation.ok) return;
        placedCount += 1;
        const { antiAffinity = [], nodeSelector = NODES } = of.rules;
        expect(of.online).toContain(creation.node);
        expect(nodeSelector).toContain(creation.node);
        for (const each of antiAffinity) expect(meansNode(each, of.peers, { at: creation.node })).toBe(false);
        const itself = [peer('own', creation.node, of.labels)];
        for (const other of of.peers)
          for (const each of other.antiAffinity ?? [])
            for (const at of other.nodes)
              expect(meansNode(each, itself, { at, home: other.namespace })).toBe(false);
      }),
    );
    expect(placedCount).toBeGreaterThan(10);
  });

  test('explains each node that takes it not', () => {
    let refused = 0;
    fc.assert(
      fc.property(world, (of) => {
        const creation = placedIn(of);
        if (creation.ok) return;
        refused += 1;
        for (const name of NODES) expect(creation.message).toContain(name);
      }),
    );
    expect(refused).toBeGreaterThan(0);
  });

  test('is stable: the node that was chosen is chosen again', () => {
    fc.assert(
      fc.property(world, (of) => {
        const creation = placedIn(of);
        if (!creation.ok) return;
        const own = peer('own', creation.node, of.labels);
        const facts = { ...factsOf(of), peers: [...of.peers, own] };
        expect(placedIn(of, facts, { chosen: creation.node })).toMatchObject({ node: creation.node });
      }),
    );
  });

  test('does not depend on the order in which VMs are known', () => {
    fc.assert(
      fc.property(world, (of) => {
        const reversed = of.peers.toReversed();
        const facts = { ...factsOf(of), peers: reversed, around: reversed };
        const [one, other] = [placedIn(of), placedIn(of, facts)];
        expect(other.ok ? other.node : 'none').toBe(one.ok ? one.node : 'none');
      }),
    );
  });

  test('finds a node with preferences wherever it finds one without', () => {
    fc.assert(
      fc.property(world, softRules, (of, soft) => {
        const topologySpread = [...(of.rules.topologySpread ?? []), ...soft.topologySpread];
        const rules = { ...soft, ...of.rules, topologySpread };
        expect(placedIn(of, { ...factsOf(of), rules }).ok).toBe(placedIn(of).ok);
      }),
    );
  });

  test('calls no VM that it has placed a violation', () => {
    fc.assert(
      fc.property(world, (of) => {
        const creation = placedIn(of);
        if (!creation.ok) return;
        const own = peer('own', creation.node, of.labels);
        const facts = { ...factsOf(of), around: [], peers: [...of.peers, own] };
        expect(judging(facts)(subject(of.labels)).rejected(creation.node)).toBeUndefined();
      }),
    );
  });
});

test('VMs that are placed one after the other under hard anti-affinity never meet', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), (count) => {
      const rules = { antiAffinity: [IS_DB] };
      const made: Peer[] = [];
      for (let at = 0; at < count; at += 1) {
        const { rejected } = judging({ ...HOME, rules, peers: made, around: made, eligible: NODES, zoneOf })({
          uid: `db-${at}`,
          namespace: 'default',
          labels: DB,
          tags: [],
        });
        const free = NODES.find((name) => rejected(name) === undefined);
        if (free !== undefined) made.push(peer(`db-${at}`, free, DB));
      }
      expect(made).toHaveLength(Math.min(count, NODES.length));
    }),
  );
});

describe('preferences', () => {
  test('add up by their weights', () => {
    const { score } = judged(
      {
        preferredAffinity: [{ weight: 7, term: IS_DB }],
        preferredAntiAffinity: [{ weight: 30, term: { key: 'vm.type', operator: 'In', values: ['web'] } }],
      },
      [peer('db', ONE, DB), peer('web', ONE, { 'vm.type': 'web' }), peer('db-2', TWO, DB)],
    );
    expect(NODES.map(score)).toEqual([-23, 7, 0, 0]);
  });
});
