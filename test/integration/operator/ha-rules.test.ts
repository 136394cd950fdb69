/** HA rules of placement policies: created, followed and removed with the real API server. */
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { haResource } from '../../fakepve/ha.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, provider, tenant, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 3 });

const NAMES = ['db-0', 'db-1'];
const db = (name: string) =>
  manifest(
    'VirtualMachine',
    name,
    {
      providerRef: { name: 'pve' },
      classRef: { name: 'small' },
      imageRef: { name: 'ubuntu' },
      placementRef: { name: 'apart' },
      powerState: 'Off',
    },
    { labels: { 'vm.type': 'database' } },
  );
const policy = manifest('VMPlacementPolicy', 'apart', {
  nodeSelector: ['pve-1', 'pve-2'],
  antiAffinity: [{ key: 'vm.type', operator: 'In', values: ['database'] }],
});

/** The demo cluster, whose token may also write HA rules. */
function withConsole() {
  const cluster = shippedCluster('document');
  const role = [...(cluster.roles['VirtRigaud'] ?? []), 'Sys.Console'];
  return { ...cluster, roles: { ...cluster.roles, VirtRigaud: role } };
}

const rulesOf = ({ state }: FakePve) =>
  [...state.ha.rules.values()].map(({ options }) =>
    ['resources', 'nodes', 'affinity'].flatMap((key) => options.get(key) ?? []).join(' '),
  );

/** An administrator has HA manage the guest. It stays off. */
function manageByHa({ state }: FakePve, vmid: number): void {
  state.ha.resources.set(`vm:${vmid}`, haResource(vmid, 'ignored'));
}

async function applied(t: Tenant): Promise<readonly number[]> {
  await t.apply(provider(t.pve, { ha: { rules: 'Manage' } }), policy, ...NAMES.map(db));
  await t.ready(...NAMES.map((name) => `vm/${name}`));
  const vmids = NAMES.map((name) => guestNamed(t.pve, name).vmid).toSorted((a, b) => a - b);
  for (const vmid of vmids) manageByHa(t.pve, vmid);
  return vmids;
}

const thePolicy = (t: Tenant) => t.find('vmplacementpolicies', 'apart');

describe('HA rules of a placement policy', () => {
  test.concurrent('are created, reported, and removed before the policy is gone', async () => {
    const t = await tenant(lab.plane, { cluster: { ...withConsole(), name: 'ha-rules-a' } });
    const members = (await applied(t)).map((vmid) => `vm:${vmid}`).join(',');
    await soon(() =>
      expect(rulesOf(t.pve).toSorted()).toEqual([`${members} negative`, `${members} pve-1,pve-2`]),
    );
    await soon(async () => {
      const found = await thePolicy(t);
      expect(found?.status['haRules']).toMatchObject([
        { type: 'NodeAffinity', members: 2, providerRef: { name: 'pve', namespace: t.namespace } },
        { type: 'NegativeResourceAffinity', members: 2 },
      ]);
      expect(condition(found, 'FieldsIgnored').is).toBe('no FieldsIgnored');
    });
    const foreign = new Map([
      ['type', 'node-affinity'],
      ['resources', 'vm:900'],
      ['nodes', 'pve-3'],
    ]);
    t.pve.state.ha.rules.set('theirs', { rule: 'theirs', options: foreign });
    await t.requestDeletionOfVms();
    await t.vmsGone();
    await t.delete('vmplacementpolicy/apart');
    expect(rulesOf(t.pve)).toEqual(['vm:900 pve-3']);
    expect(ownGuests(t.pve)).toEqual([]);
  });

  test.concurrent('are removed when Manage is taken back, on 9.0 as well', async () => {
    const t = await tenant(lab.plane, { pve: '9.0', cluster: { ...withConsole(), name: 'ha-rules-b' } });
    await applied(t);
    await soon(() => expect(rulesOf(t.pve)).toHaveLength(2));
    await t.patch('provider/pve', { spec: { ha: null } });
    await soon(async () => {
      expect(rulesOf(t.pve)).toEqual([]);
      expect((await thePolicy(t))?.status['haRules']).toBeUndefined();
    });
    expect(ownGuests(t.pve)).toHaveLength(2);
  });

  test.concurrent('are not tried without Sys.Console: Provider and policy say so', async () => {
    const t = await tenant(lab.plane);
    await applied(t);
    await soon(async () => {
      const [found] = await t.list('providers');
      expect(condition(found, 'MissingPrivileges').is).toBe('MissingPrivileges=True FeaturesLimited');
      expect(condition(found, 'MissingPrivileges').message).toContain(
        'HA rules of VMPlacementPolicies are not kept (Sys.Console on /)',
      );
      const { is, message } = condition(await thePolicy(t), 'FieldsIgnored');
      expect(is).toBe('FieldsIgnored=True HARulesIncomplete');
      expect(message).toContain('lack the privilege Sys.Console on /');
    });
    expect(changes(t.pve).filter(({ path }) => path.startsWith('/cluster/ha'))).toEqual([]);
    await t.requestDeletionOfVms();
    await t.vmsGone();
    await t.delete('vmplacementpolicy/apart');
  });
});
