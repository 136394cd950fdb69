/** Whom policies count is kept between placements: whatever has changed, it is as if all had been counted again. */
import { expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { createPlacementChanges } from '../../../../../src/cmd/operator/placement-changes.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { createPolicyLimits } from '../../../../../controllers/virtualmachine/placement/policy.ts';
import { aProvider, aVirtualMachine } from '../../../../builders/objects.ts';
import { UNKNOWN_CHANGES } from '../../../../builders/placement-changes.ts';
import { aNode, aRow, aView } from '../../../../builders/views.ts';
import { aWatch, entryOf } from '../../../../builders/watches.ts';

const NODES = ['pve-1', 'pve-2', 'pve-3', 'pve-4'].map((name) => nodeName(name));
const ZONES = { a: [NODES[0]!, NODES[1]!], b: [NODES[2]!] };
const NAMESPACES = ['default', 'infra', 'team-a'];

const aPolicy = (spec: VMPlacementPolicy['spec'], generation: number): VMPlacementPolicy => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMPlacementPolicy',
  metadata: { ...aVirtualMachine().metadata, name: 'policy', uid: 'policy', namespace: 'infra', generation },
  spec,
});

/** Objects and a cluster that change, and two that judge by them: one that remembers, and one that does not. */
class World {
  readonly #vms = aWatch<VirtualMachine>();
  readonly #policies = aWatch<VMPlacementPolicy>();
  readonly #providers = aWatch<Provider>();
  readonly #ledger = createLedger(() => 0);
  readonly #guests = new Map<number, ReturnType<typeof aRow>>();
  #view = this.#newView();
  #generation = 0;
  #connected = true;
  readonly #remembering = this.#limits(
    createPlacementChanges({
      VirtualMachine: this.#vms,
      VMPlacementPolicy: this.#policies,
      Provider: this.#providers,
    }),
  );
  readonly #forgetting = this.#limits({ ...UNKNOWN_CHANGES, namespaces: () => NAMESPACES });

  constructor() {
    for (const name of ['pve', 'other'])
      this.#providers.change(
        undefined,
        entryOf(
          aProvider(
            { zones: ZONES, defaults: { placementRef: { name: 'policy' } } },
            { name, namespace: 'infra' },
          ),
        ),
      );
    this.policy({});
  }

  #newView() {
    return aView({ nodes: NODES.map((name) => aNode(name)), guests: [...this.#guests.values()] });
  }

  get #connection(): Connection {
    return {
      inventory: { view: () => this.#view },
      ledger: this.#ledger,
      nodeSelector: [],
    } as unknown as Connection;
  }

  #limits(changes: typeof UNKNOWN_CHANGES) {
    return createPolicyLimits({
      changes,
      namespaces: { labelsOf: (name) => ({ name }), mayBeRead: true },
      connections: {
        get: (_namespace, name) => (name === 'pve' || this.#connected ? this.#connection : undefined),
        isPending: () => false,
      },
      providers: this.#providers.cache,
      policies: this.#policies.cache,
      vmsIn: (namespace) => this.#vms.cache.list().filter(({ metadata }) => metadata.namespace === namespace),
      vmNamed: (...at) => this.#vms.cache.partial(...at),
      vmsInCreation: () => this.#vms.cache.list().filter(({ status }) => status?.createdAt === undefined),
    });
  }

  policy(spec: VMPlacementPolicy['spec']): void {
    this.#generation += 1;
    const [before] = this.#policies.entries();
    this.#policies.change(before, entryOf(aPolicy(spec, this.#generation)));
  }

  vm(vm: VirtualMachine | undefined, key: string): void {
    const before = this.#vms.entries().find((entry) => entry.key === key);
    if (before ?? vm) this.#vms.change(before, vm && entryOf(vm));
  }

  guest(number: number, row: ReturnType<typeof aRow> | undefined): void {
    if (row) this.#guests.set(number, row);
    else this.#guests.delete(number);
    this.#view = this.#newView();
  }

  promise(uid: string, node: (typeof NODES)[number] | undefined): void {
    if (node === undefined) this.#ledger.release(uid);
    else this.#ledger.promise(uid, { vmid: undefined, node, memory: 1, space: new Map() });
  }

  connect(connected: boolean): void {
    this.#connected = connected;
  }

  /** For a VM of each namespace: the nodes that are left, their scores, and how many VMs they have. */
  verdicts(): readonly [remembered: unknown, counted: unknown] {
    const say = (limits: ReturnType<typeof createPolicyLimits>) =>
      NAMESPACES.map((namespace) => {
        const subject = aVirtualMachine({
          metadata: { name: 'new', uid: 'new', namespace, labels: { app: 'db' } },
          spec: { providerRef: { name: 'pve', namespace: 'infra' }, tags: ['x'] },
        });
        const found = limits(subject, this.#connection);
        return NODES.map((node) => [
          found?.rejected(node) === undefined,
          found?.score(node),
          found?.vmsOn(node),
        ]);
      });
    return [say(this.#remembering), say(this.#forgetting)];
  }
}

const node = fc.constantFrom(...NODES);
const term = fc.oneof(
  fc.record(
    {
      key: fc.constant('app'),
      operator: fc.constantFrom('In' as const, 'NotIn' as const),
      values: fc.constantFrom(['db'], ['web'], ['db', 'web']),
      namespaceSelector: fc.constantFrom(
        { matchLabels: { name: 'default' } },
        { matchExpressions: [{ key: 'name', operator: 'Exists' as const }] },
      ),
      topologyKey: fc.constantFrom('node' as const, 'zone' as const),
    },
    { requiredKeys: ['key', 'operator', 'values'] },
  ),
  fc.record({ pveTags: fc.constantFrom(['x'], ['Y']) }),
);
const terms = fc.array(term, { maxLength: 2 });
const policies = fc.record(
  {
    antiAffinity: terms,
    affinity: fc.array(term, { maxLength: 1 }),
    preferredAffinity: terms.map((all) => all.map((each) => ({ weight: 3, term: each }))),
    topologySpread: fc.constantFrom([
      {
        maxSkew: 1,
        topologyKey: 'node' as const,
        whenUnsatisfiable: 'DoNotSchedule' as const,
        labelSelector: { matchLabels: { app: 'db' } },
      },
    ]),
    constraints: fc.constant({ maxVMsPerNode: 2 }),
  },
  { requiredKeys: [] },
);
const NUMBERS = [101, 102, 103, 104];
const number = fc.constantFrom(...NUMBERS);
const vms = fc
  .record({
    id: fc.constantFrom('a', 'b', 'c', 'new'),
    namespace: fc.constantFrom(...NAMESPACES),
    app: fc.constantFrom('db', 'web'),
    provider: fc.constantFrom('pve', 'other'),
    tags: fc.constantFrom([], ['x'], ['Y']),
    number: fc.option(number, { nil: undefined }),
    at: node,
    made: fc.boolean(),
    again: fc.constantFrom('1', '2'),
  })
  .map(({ id, namespace, app, provider, tags, number: at, ...where }) =>
    aVirtualMachine({
      metadata: { name: id, uid: `${id} ${namespace} ${where.again}`, namespace, labels: { app } },
      spec: { providerRef: { name: provider, namespace: 'infra' }, tags },
      ...(at !== undefined && {
        status: {
          vmid: vmid(at),
          placement: { node: where.at },
          ...(where.made && { node: where.at, createdAt: '2026-03-01T08:00:00Z' }),
        },
      }),
    }),
  );
const change = fc.oneof(
  { weight: 4, arbitrary: vms.map((vm) => (world: World) => world.vm(vm, keyOf(vm))) },
  { weight: 1, arbitrary: vms.map((vm) => (world: World) => world.vm(undefined, keyOf(vm))) },
  {
    weight: 1,
    arbitrary: fc.record({ vm: vms, to: fc.option(node, { nil: undefined }) }).map(
      ({ vm, to }) =>
        (world: World) =>
          world.promise(vm.metadata.uid, to),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        at: number,
        on: fc.option(node, { nil: undefined }),
        tags: fc.constantFrom([], ['X'], ['y']),
      })
      .map(
        ({ at, on, tags }) =>
          (world: World) =>
            world.guest(at, on && aRow({ vmid: vmid(at), node: on, tags })),
      ),
  },
  { weight: 1, arbitrary: policies.map((spec) => (world: World) => world.policy(spec)) },
  { weight: 1, arbitrary: fc.boolean().map((connected) => (world: World) => world.connect(connected)) },
);

function keyOf({ metadata: { namespace, name } }: VirtualMachine): string {
  return `${namespace}/${name}`;
}

test('after any changes, nodes are judged as if all VMs had been counted again', () => {
  fc.assert(
    fc.property(policies, fc.array(change, { maxLength: 25 }), (spec, changes) => {
      const world = new World();
      world.policy(spec);
      for (const apply of changes) {
        apply(world);
        const [remembered, counted] = world.verdicts();
        expect(remembered).toEqual(counted);
      }
    }),
    { numRuns: 300 },
  );
});
