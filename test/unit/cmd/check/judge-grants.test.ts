import { expect, test } from '@jest/globals';
import { ALLOW_FROM } from '../../../../src/api/index.ts';
import { judgeGrants } from '../../../../src/cmd/check/judge-grants.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../src/lib/units.ts';
import { aProvider } from '../../../builders/objects.ts';
import { aView } from '../../../builders/views.ts';

test('nothing is said of a Provider that nobody else may use', () => {
  expect(judgeGrants(aProvider(), aView())).toEqual([]);
});

test('each entry is listed with what it opens and what it limits, and the annotation with what it leaves closed', () => {
  const grants = [
    {
      namespaces: { names: ['team-a', 'team-b'] },
      nodes: [nodeName('pve-1')],
      storages: ['local-lvm'],
      vmIdRange: { start: vmid(200), end: vmid(299) },
      quotas: { vms: 5, cpus: 20, memory: bytes(64 * GiB) },
      adopt: [{ pool: 'orphans', tag: 'old' }],
      sources: [{ vmIdRange: { start: vmid(100), end: vmid(101) } }],
      volumes: ['local:import/*'],
      snippets: ['local:snippets/a.yaml'],
      devices: ['gpu'],
    },
  ];
  const findings = judgeGrants(aProvider({ grants }, { annotations: { [ALLOW_FROM]: 'team-c' } }), aView());
  expect(findings).toEqual([
    {
      check: 'grants',
      level: 'ok',
      found:
        'team-a, team-b: templates; nodes pve-1; storages local-lvm; VMIDs 200 to 299; at most 5 VMs; at most 20 CPUs; at most 64Gi of memory; volume local:import/*; snippet local:snippets/a.yaml; devices of mapping gpu; may adopt guests of pool orphans with tag old; may clone guests 100 to 101; no downloads.',
    },
    {
      check: 'grants',
      level: 'ok',
      found:
        'team-c (by annotation): templates; no guests to adopt, guests that are not templates to clone, volumes, snippets, devices, downloads.',
    },
  ]);
});

test.each([
  [{ nodes: [nodeName('pve-9')] }, 'node pve-9'],
  [{ storages: ['ssd'] }, 'storage ssd'],
])('%j is reported as missing', (entry, missing) => {
  const grants = [{ namespaces: { names: ['*'] }, ...entry }];
  expect(judgeGrants(aProvider({ grants }), aView())).toMatchObject([
    { level: 'warn', todo: expect.stringContaining(missing) },
  ]);
});

test('an entry that an earlier one makes void is reported', () => {
  const named = { namespaces: { names: ['team-a'] } };
  const all = { namespaces: { names: ['*'] } };
  const levels = (...grants: (typeof all)[]) =>
    judgeGrants(aProvider({ grants }), aView()).map(({ level }) => level);
  expect(levels(named, all)).toEqual(['ok', 'ok']);
  expect(levels(all, named)).toEqual(['ok', 'warn']);
  expect(levels(named, named)).toEqual(['ok', 'warn']);
});

test('namespaces that are selected by their labels are listed by these, and void after an entry for all', () => {
  const selector = {
    matchLabels: { team: 'a' },
    matchExpressions: [{ key: 'env', operator: 'In' as const, values: ['prod', 'test'] }],
  };
  const selecting = { namespaces: { selector } };
  const [finding] = judgeGrants(aProvider({ grants: [selecting] }), aView());
  expect(finding?.level).toBe('ok');
  expect(finding?.found).toMatch(/^namespaces with team=a and env In \(prod, test\): templates;/);
  const all = { namespaces: { names: ['*'] } };
  expect(judgeGrants(aProvider({ grants: [all, selecting] }), aView())[1]?.level).toBe('warn');
});
