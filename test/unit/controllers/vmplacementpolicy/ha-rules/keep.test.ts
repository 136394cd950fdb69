/** HA rules of a placement policy, from the first VM that HA manages to the deletion of the policy. */
import { describe, expect, test } from '@jest/globals';
import type { VMPlacementPolicySpecInput } from '../../../../../src/api/vmplacementpolicy.ts';
import { nodeName } from '../../../../../src/lib/units.ts';
import { clusterOf, HaRuleLife, type RuleLifeOptions } from '../../../../builders/ha-rule-life.ts';
import { aProvider } from '../../../../builders/objects.ts';

const APART = { antiAffinity: [{ key: 'app', operator: 'In' as const, values: ['db'] }] };
const HERE = { nodeSelector: [nodeName('pve-1'), nodeName('pve-2')] };
const RULES = '/cluster/ha/rules';

async function lifeWith(options: RuleLifeOptions = {}, vms = 3): Promise<HaRuleLife> {
  const life = new HaRuleLife({ spec: { ...APART, ...HERE }, ...options });
  life.addVms(vms);
  await life.manageByHa(101, 102, 103);
  return life;
}
const BOTH = {
  'ours-nodes': 'vm:101,vm:102,vm:103 pve-1,pve-2',
  'ours-apart': 'vm:101,vm:102,vm:103 negative',
};
const writes = ({ called }: HaRuleLife): readonly string[] =>
  called.filter((what) => /^(POST|PUT|DELETE) /.test(what));

describe('HA rules of a policy', () => {
  test('hold the VMs that HA manages, and are listed in status', async () => {
    const life = await lifeWith();
    await life.settle();
    expect(life.rules).toEqual(BOTH);
    expect(life.policy?.status?.haRules).toMatchObject([
      { providerRef: { name: 'pve', namespace: 'default' }, type: 'NodeAffinity', members: 3 },
      { type: 'NegativeResourceAffinity', members: 3 },
    ]);
    expect(life.conditions).toEqual({});
    expect(life.events.filter(({ reason }) => reason === 'HARuleWritten')).toHaveLength(2);
  });

  test('are neither read nor written without spec.ha.rules: Manage', async () => {
    const life = await lifeWith();
    life.providers = [aProvider({}, { name: 'pve' })];
    await life.settle();
    expect(life.called.filter((what) => what.includes('/cluster/ha'))).toEqual([]);
    expect(life.policy?.status?.haRules).toBeUndefined();
  });

  test('are named in status before they are created', async () => {
    const life = await lifeWith();
    await life.settle();
    const named = life.called.indexOf('PATCH status');
    expect(named).toBeGreaterThan(-1);
    expect(life.called.indexOf(`POST ${RULES}`)).toBeGreaterThan(named);
  });

  test('cost two reads a round and no write once they are settled', async () => {
    const life = await lifeWith();
    await life.settle();
    const before = life.called.length;
    for (let pass = 0; pass < 6; pass += 1) await life.pass();
    const called = life.called.slice(before);
    expect(new Set(called)).toEqual(new Set([`GET ${RULES}`, 'GET /cluster/ha/resources']));
    expect(called.length).toBeLessThanOrEqual(12);
  });

  test('follow VMs that HA begins and ceases to manage; one alone needs no rule', async () => {
    const life = await lifeWith({ spec: APART });
    await life.settle();
    await life.byHand('DELETE', '/cluster/ha/resources/vm:103');
    await life.settle();
    expect(life.rules).toEqual({ 'ours-apart': 'vm:101,vm:102 negative' });
    expect(life.conditions['FieldsIgnored']).toContain('1 of 3 VMs are no HA resources');
    await life.byHand('DELETE', '/cluster/ha/resources/vm:102');
    await life.settle();
    expect(life.rules).toEqual({});
    expect(life.policy?.status?.haRules).toBeUndefined();
    await life.manageByHa(102, 103);
    await life.settle();
    expect(life.rules).toEqual({ 'ours-apart': 'vm:101,vm:102,vm:103 negative' });
  });

  test('are corrected if somebody edits them, but one that is disabled stays so', async () => {
    const life = await lifeWith({ spec: HERE });
    await life.settle();
    const [rule = ''] = life.pve.world.ha.rules.keys();
    await life.byHand('PUT', `${RULES}/${rule}`, {
      type: 'node-affinity',
      resources: 'vm:101',
      nodes: 'pve-3:2',
      strict: '1',
      disable: '1',
    });
    await life.settle();
    expect(life.rules).toEqual({ 'ours-nodes': 'vm:101,vm:102,vm:103 pve-1,pve-2 1' });
    expect(life.pve.world.ha.rules.get(rule)?.options.has('strict')).toBe(false);
    expect(life.conditions['FieldsIgnored']).toContain('is disabled in Proxmox VE');
  });

  test('leave rules of others alone, also one with our name', async () => {
    const life = await lifeWith({ spec: { ...APART, ...HERE } });
    await life.settle();
    const [nodes = '', apart = ''] = [...life.pve.world.ha.rules.keys()];
    await life.byHand('PUT', `${RULES}/${apart}`, { type: 'resource-affinity', comment: 'mine' });
    await life.byHand('DELETE', `${RULES}/${nodes}`);
    await life.byHand('POST', RULES, {
      rule: 'pin',
      type: 'node-affinity',
      resources: 'vm:101',
      nodes: 'pve-3',
    });
    life.edit({ antiAffinity: [{ key: 'app', operator: 'In', values: ['web'] }], ...HERE });
    await life.settle();
    expect(life.rules).toEqual({
      pin: 'vm:101 pve-3',
      'ours-apart': 'vm:101,vm:102,vm:103 negative',
      'ours-nodes': 'vm:102,vm:103 pve-1,pve-2',
    });
    expect(life.conditions['FieldsIgnored']).toContain('VM 101 is in a node-affinity rule of others');
    expect(life.conditions['FieldsIgnored']).toContain('its comment does not say that it is of this policy');
    life.vms = [];
    await life.settle();
    expect(Object.keys(life.rules)).toEqual(['ours-apart', 'pin']);
  });

  test('hold only guests that are proven to be those of their VMs', async () => {
    const life = await lifeWith({ spec: HERE });
    life.pve.world.guests.get(102)?.config.set('description', 'Somebody else has this VMID now.');
    await life.settle();
    expect(life.rules).toEqual({ 'ours-nodes': 'vm:101,vm:103 pve-1,pve-2' });
    expect(life.policy?.status?.haRules?.[0]?.message).toContain('102 cannot be read, or are not proven');
  });

  test('are kept for each Provider that asks for them, and for no other', async () => {
    const life = new HaRuleLife({ spec: HERE });
    const manage = { ha: { rules: 'Manage' as const } };
    life.providers = [
      aProvider(manage, { name: 'pve' }),
      aProvider(manage, { name: 'second' }),
      aProvider({}, { name: 'third' }),
    ];
    life.addVms(1);
    life.addVms(1, { providerRef: { name: 'second' } }, 2);
    life.addVms(1, { providerRef: { name: 'third' } }, 3);
    await life.manageByHa(101, 102, 103);
    await life.settle();
    const members = [...life.pve.world.ha.rules.values()].map(({ options }) => options.get('resources'));
    expect(members.toSorted()).toEqual(['vm:101', 'vm:102']);
    expect(life.policy?.status?.haRules?.map(({ providerRef }) => providerRef.name)).toEqual([
      'pve',
      'second',
    ]);
  });

  test('are those of the next policy of the same name, for example after a rebuild from Git', async () => {
    const life = await lifeWith({ spec: HERE });
    await life.settle();
    if (life.policy) {
      const { status: _lost, ...policy } = life.policy;
      life.policy = { ...policy, metadata: { ...policy.metadata, uid: 'next', finalizers: [] } };
    }
    await life.settle();
    expect(life.rules).toEqual({ 'ours-nodes': 'vm:101,vm:102,vm:103 pve-1,pve-2' });
    const [rule] = life.pve.world.ha.rules.values();
    expect(rule?.options.get('comment')).toMatch(/\/next$/);
    expect(life.policy?.status?.haRules).toHaveLength(1);
  });

  test('neither add nor drop VMs that are only observed', async () => {
    const life = new HaRuleLife({ spec: HERE });
    life.addVms(2);
    life.addVms(1, { managementPolicy: 'ObserveOnly' }, 3);
    await life.manageByHa(101, 102, 103);
    await life.settle();
    expect(life.rules).toEqual({ 'ours-nodes': 'vm:101,vm:102 pve-1,pve-2' });
    life.vms = [];
    life.addVms(1);
    life.addVms(1, { managementPolicy: 'Paused' }, 2);
    await life.settle();
    expect(life.rules).toEqual({ 'ours-nodes': 'vm:101,vm:102 pve-1,pve-2' });
  });
});

describe('what Proxmox VE does not take', () => {
  test('is not tried: more VMs apart than there are nodes', async () => {
    const life = await lifeWith({ spec: APART, cluster: clusterOf(3, 2) });
    await life.settle();
    expect(life.rules).toEqual({});
    expect(writes(life)).toEqual([]);
    expect(life.conditions['FieldsIgnored']).toContain('3 VMs cannot be kept apart on 2 nodes');
  });

  test('is reported in its words, and tried again only after a while', async () => {
    const life = await lifeWith({
      spec: { ...APART, affinity: APART.antiAffinity } satisfies VMPlacementPolicySpecInput,
    });
    for (let pass = 0; pass < 14; pass += 1) await life.pass();
    expect(life.rules).toEqual({ 'ours-apart': 'vm:101,vm:102,vm:103 negative' });
    expect(life.conditions['FieldsIgnored']).toContain(
      'rule shares two or more resources with a negative resource affinity rule',
    );
    expect(writes(life).length).toBeLessThanOrEqual(4);
  });

  test('is a version before 9.0: nothing is asked of it', async () => {
    const life = await lifeWith();
    life.releases = ['9.0', '8.4'];
    await life.settle();
    expect(life.called.filter((what) => what.includes('/cluster/ha'))).toEqual([]);
    expect(life.conditions['FieldsIgnored']).toContain(
      'HA rules need Proxmox VE 9.0 or newer on every node, and the oldest one runs 8.4.',
    );
  });

  test('is what the credentials may not do: nothing is tried, and the privilege is named', async () => {
    const life = await lifeWith();
    life.providers = life.providers.map((provider) => ({
      ...provider,
      status: { missingPrivileges: ['Sys.Console on /'] },
    }));
    await life.settle();
    expect(writes(life)).toEqual([]);
    expect(life.conditions['FieldsIgnored']).toContain('lack the privilege Sys.Console on /');
  });
});

describe('HA rules are removed', () => {
  test.each<[string, (life: HaRuleLife) => void]>([
    ['Manage is taken back', (life) => (life.providers = [aProvider({}, { name: 'pve' })])],
    ['no VM uses the policy any more', (life) => (life.vms = [])],
    ['the policy no longer says anything hard', (life) => life.edit({ constraints: { maxVMsPerNode: 3 } })],
  ])('when %s', async (_when, change) => {
    const life = await lifeWith();
    await life.settle();
    change(life);
    await life.settle();
    expect(life.rules).toEqual({});
    expect(life.policy?.status?.haRules).toBeUndefined();
  });

  test('with the policy, which is gone only then', async () => {
    const life = await lifeWith();
    await life.settle();
    life.vms = [];
    life.delete();
    await life.pass();
    expect(life.policy).toBeDefined();
    expect(life.outcome).toMatchObject({ kind: 'waiting', reason: 'Deleting' });
    await life.settle();
    expect([life.policy, life.rules]).toEqual([undefined, {}]);
  });

  test('not as long as VMs use the policy that is being deleted', async () => {
    const life = await lifeWith();
    await life.settle();
    life.delete();
    await life.settle();
    expect(life.outcome).toMatchObject({ reason: 'InUse' });
    expect(life.rules).toEqual(BOTH);
  });

  test('and a deletion waits, with the cause, while the Provider is not connected', async () => {
    const life = await lifeWith();
    await life.settle();
    life.vms = [];
    life.isConnected = false;
    life.delete();
    await life.settle();
    expect(life.outcome).toMatchObject({ kind: 'waiting' });
    expect(JSON.stringify(life.outcome)).toContain('Provider default/pve is not connected');
    life.isConnected = true;
    await life.settle();
    expect([life.policy, life.rules]).toEqual([undefined, {}]);
  });

  test.each<[string, (life: HaRuleLife) => unknown]>([
    ['the Provider is gone', (life) => (life.providers = [])],
    [
      'the credentials lack the privilege',
      (life) =>
        life.byHand('PUT', '/access/acl', {
          path: '/',
          roles: 'Administrator',
          users: 'operator@pve',
          delete: '1',
        }),
    ],
  ])('except where %s: they are named, and the policy is released', async (_why, change) => {
    const cluster = clusterOf(3, 3, {
      users: [{ id: 'operator@pve' }],
      tokens: [
        { id: 'operator@pve!operator', privsep: false },
        { id: 'root@pam!others', privsep: false },
      ],
      acls: [
        { path: '/', role: 'Administrator', user: 'operator@pve' },
        { path: '/vms', role: 'PVEVMAdmin', user: 'operator@pve' },
      ],
    });
    const life = await lifeWith({ cluster });
    await life.settle();
    life.vms = [];
    await change(life);
    life.delete();
    await life.settle();
    expect(life.policy).toBeUndefined();
    expect(life.rules).toEqual(BOTH);
    const left = life.events.filter(({ reason }) => reason === 'HARuleLeftBehind');
    expect(left).toHaveLength(1);
    expect(left[0]?.message).toContain('ha-manager rules remove');
  });
});
