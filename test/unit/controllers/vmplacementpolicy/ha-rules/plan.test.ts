/** What is planned for the HA rules of a policy, over drawn policies, VMs and rules of others. */
import { describe, expect, test } from '@jest/globals';
import { nodeName, vmid, type Vmid } from '../../../../../src/lib/units.ts';
import type { HaRule, HaRuleSettings } from '../../../../../src/pve/index.ts';
import {
  commentFor,
  isOurs,
  ruleNameFor,
  type RuleOwner,
} from '../../../../../controllers/vmplacementpolicy/ha-rules/naming.ts';
import {
  planRules,
  type Change,
  type RuleFacts,
} from '../../../../../controllers/vmplacementpolicy/ha-rules/plan.ts';
import type { RuleVm } from '../../../../../controllers/vmplacementpolicy/ha-rules/wanted.ts';
import fc from '../../../../builders/fast-check.ts';

const OWNER: RuleOwner = {
  clusterId: 'k8s',
  policy: { namespace: 'default', name: 'apart', uid: 'uid' },
  provider: { namespace: 'default', name: 'pve' },
};
const NODES = ['pve-1', 'pve-2', 'pve-3'].map(nodeName);

const aRule = (change: Partial<HaRule>): HaRule => ({
  rule: 'theirs',
  type: 'node-affinity',
  members: [],
  hasOthers: false,
  nodes: [],
  affinity: undefined,
  strict: false,
  disabled: false,
  comment: '',
  digest: 'digest',
  errors: [],
  ...change,
});
const stored = ({ rule, members, nodes, affinity, comment }: HaRuleSettings): HaRule =>
  aRule({
    rule,
    members,
    nodes: nodes ?? [],
    affinity,
    comment,
    type: nodes ? 'node-affinity' : 'resource-affinity',
  });

/** What Proxmox VE has after the change. */
function after(rules: readonly HaRule[], change: Change): readonly HaRule[] {
  const name = change.kind === 'remove' ? change.actual.rule : change.settings.rule;
  const others = rules.filter(({ rule }) => rule !== name);
  return change.kind === 'remove' ? others : [...others, stored(change.settings)];
}

const vmids = fc.integer({ min: 100, max: 107 }).map(vmid);
const someVmids = fc.uniqueArray(vmids, { maxLength: 6 });
const aVm = fc.record({
  vmid: vmids,
  isOwn: fc.boolean(),
  labels: fc.constantFrom<Record<string, string>>({}, { app: 'db' }, { app: 'web' }),
  tags: fc.constantFrom<readonly string[]>([], ['lab']),
  isLeftAlone: fc.boolean(),
});
const vms = fc
  .uniqueArray(aVm, { selector: ({ vmid: id }) => id, maxLength: 8 })
  .map((all): readonly RuleVm[] => all.map((vm) => ({ ...vm, uid: `uid-${vm.vmid}` })));
const terms = fc.subarray([
  { key: 'app', operator: 'In' as const, values: ['db'] },
  { key: 'app', operator: 'Exists' as const },
  { pveTags: ['lab'] },
  { key: 'app', operator: 'Exists' as const, topologyKey: 'zone' as const },
]);
const spec = fc.record({
  nodeSelector: fc.subarray([...NODES, nodeName('pve-9')]),
  antiAffinity: terms,
  affinity: terms,
});
const rule = fc.record({
  rule: fc.constantFrom(
    'theirs',
    'other',
    ...['NodeAffinity', 'NegativeResourceAffinity', 'PositiveResourceAffinity'].map((type) =>
      ruleNameFor(OWNER, type as never),
    ),
  ),
  type: fc.constantFrom('node-affinity', 'resource-affinity'),
  members: someVmids,
  nodes: fc.subarray(['pve-1', 'pve-2:1']),
  affinity: fc.constantFrom('positive', 'negative', undefined),
  disabled: fc.boolean(),
  strict: fc.boolean(),
  comment: fc.constantFrom(
    '',
    'mine',
    commentFor(OWNER),
    commentFor({ ...OWNER, clusterId: 'other' }),
    commentFor({ ...OWNER, policy: { ...OWNER.policy, uid: 'former' } }),
  ),
});
const facts: fc.Arbitrary<RuleFacts> = fc.record({
  owner: fc.constant(OWNER),
  spec,
  manages: fc.boolean(),
  vms,
  nodes: fc.constant(NODES),
  allowed: fc.option(fc.subarray(NODES), { nil: undefined }),
  rules: fc.uniqueArray(rule, { selector: (each) => each.rule, maxLength: 4 }).map((all) => all.map(aRule)),
  resources: someVmids.map((all): ReadonlySet<Vmid> => new Set(all)),
});
const changesIn = (given: RuleFacts): readonly Change[] =>
  planRules(given).flatMap(({ change }) => change ?? []);

describe('the plan for HA rules', () => {
  test('never changes a rule that is not ours', () =>
    fc.assert(
      fc.property(facts, (given) => {
        for (const change of changesIn(given)) {
          const name = change.kind === 'remove' ? change.actual.rule : change.settings.rule;
          const there = given.rules.find((each) => each.rule === name);
          expect(there === undefined || isOurs(there, OWNER)).toBe(true);
          expect(change.kind === 'create').toBe(there === undefined);
        }
      }),
    ));

  test('names only VMs that use the policy and that HA manages, and nodes that exist and are allowed', () =>
    fc.assert(
      fc.property(facts, (given) => {
        for (const change of changesIn(given)) {
          if (change.kind === 'remove') continue;
          const { members, nodes = [], affinity } = change.settings;
          for (const id of members) {
            expect(given.resources.has(id)).toBe(true);
            expect(given.vms.some((vm) => vm.vmid === id)).toBe(true);
          }
          for (const node of nodes) expect(given.allowed ?? given.nodes).toContain(node);
          expect(affinity === undefined ? nodes.length : members.length).toBeGreaterThanOrEqual(
            affinity ? 2 : 1,
          );
          if (affinity === 'negative') expect(members.length).toBeLessThanOrEqual(given.nodes.length);
        }
      }),
    ));

  test('puts no VM into two node-affinity rules', () =>
    fc.assert(
      fc.property(facts, (given) => {
        const own = changesIn(given).find((change) => change.kind !== 'remove' && change.settings.nodes);
        if (!own || own.kind === 'remove') return;
        for (const other of given.rules)
          if (other.rule !== own.settings.rule && other.type === 'node-affinity' && !other.disabled)
            expect(other.members.filter((id) => own.settings.members.includes(id))).toEqual([]);
      }),
    ));

  test('is silent once its changes are made, in whichever order', () =>
    fc.assert(
      fc.property(facts, fc.nat(), (given, first) => {
        let rules = given.rules;
        for (let step = 0; step < 8; step += 1) {
          const changes = changesIn({ ...given, rules });
          const change = changes[(first + step) % Math.max(changes.length, 1)];
          if (!change) return;
          rules = after(rules, change);
        }
        expect(changesIn({ ...given, rules })).toEqual([]);
      }),
    ));

  test('without Manage removes all that is ours and nothing else', () =>
    fc.assert(
      fc.property(facts, (given) => {
        const changes = changesIn({ ...given, manages: false });
        const removed = changes.map((change) =>
          change.kind === 'remove' ? change.actual.rule : change.kind,
        );
        expect(removed.toSorted()).toEqual(
          given.rules
            .filter((each) => isOurs(each, OWNER))
            .map((each) => each.rule)
            .toSorted(),
        );
      }),
    ));
});

test('rule names differ by cluster, policy, Provider and kind of rule, and are what Proxmox VE takes', () => {
  const owners = [
    OWNER,
    { ...OWNER, clusterId: 'other' },
    { ...OWNER, policy: { ...OWNER.policy, name: 'b' } },
    { ...OWNER, policy: { ...OWNER.policy, namespace: 'b' } },
    { ...OWNER, provider: { ...OWNER.provider, name: 'b' } },
  ];
  const names = owners.flatMap((owner) =>
    (['NodeAffinity', 'NegativeResourceAffinity', 'PositiveResourceAffinity'] as const).map((type) =>
      ruleNameFor(owner, type),
    ),
  );
  expect(new Set(names).size).toBe(15);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]{1,39}$/);
  expect(ruleNameFor({ ...OWNER, policy: { ...OWNER.policy, uid: 'other' } }, 'NodeAffinity')).toBe(names[0]);
});
