/**
 * The process ends, or an answer is lost, at every call of a policy's life: its rules end up as they should be, none of ours
 * is left behind, and the rules of others are never touched.
 */
import { describe, expect, test } from '@jest/globals';
import { nodeName } from '../../../../../src/lib/units.ts';
import { HaRuleLife, RULE_FAULTS, type RuleFault } from '../../../../builders/ha-rule-life.ts';

const FOREIGN = { rule: 'theirs', type: 'node-affinity', resources: 'vm:103', nodes: 'pve-3' };

/** Rules are created, one is updated, another is removed, and then the policy is deleted. */
async function story(faultAt: (call: number, what: string) => RuleFault | undefined): Promise<HaRuleLife> {
  const life = new HaRuleLife({
    spec: {
      antiAffinity: [{ key: 'app', operator: 'In', values: ['db'] }],
      nodeSelector: [nodeName('pve-1'), nodeName('pve-2')],
    },
    faultAt,
  });
  life.addVms(3);
  await life.manageByHa(101, 102, 103);
  await life.byHand('POST', '/cluster/ha/rules', FOREIGN);
  await life.settle();
  expect(life.rules).toEqual({
    theirs: 'vm:103 pve-3',
    'ours-nodes': 'vm:101,vm:102 pve-1,pve-2',
    'ours-apart': 'vm:101,vm:102,vm:103 negative',
  });
  await life.byHand('DELETE', '/cluster/ha/resources/vm:102');
  life.edit({ antiAffinity: [{ key: 'app', operator: 'Exists' }] });
  await life.settle();
  expect(life.rules).toEqual({ theirs: 'vm:103 pve-3', 'ours-apart': 'vm:101,vm:103 negative' });
  life.vms = [];
  life.delete();
  await life.settle();
  expect([life.policy, life.rules]).toEqual([undefined, { theirs: 'vm:103 pve-3' }]);
  return life;
}

const { called } = await story(() => undefined);
const isDistinct = (fault: RuleFault, what: string): boolean =>
  /^(POST|PUT|DELETE) /.test(what) ||
  (what.startsWith('GET ') ? ['dies before', 'is lost'] : RULE_FAULTS.slice(0, 4)).includes(fault);

describe.each(RULE_FAULTS)('a policy with HA rules, where a call %s', (fault) => {
  const at = called.flatMap((what, index) => (isDistinct(fault, what) ? [index + 1] : []));

  test('ends as one where none does, at whichever call it happens', async () => {
    expect(at.length).toBeGreaterThan(3);
    for (const number of at) {
      const { called: seen } = await story((call) => (call === number ? fault : undefined));
      expect(seen.length).toBeGreaterThanOrEqual(number);
    }
  });
});

test('a policy with HA rules survives a fault at every tenth call', async () => {
  for (const [index, fault] of RULE_FAULTS.entries())
    await story((call) => (call <= called.length && call % 10 === index ? fault : undefined));
});
