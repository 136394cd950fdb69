import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import {
  ENDPOINTS,
  FEATURES,
  grantCommands,
  grantMissingCommands,
  missingPrivileges,
  neededPrivileges,
  type Need,
  type Permissions,
} from '../../../src/pve/index.ts';

const need = (path: string, ...anyOf: [string, ...string[]]): Need => ({ path, anyOf });
const names = (needs: readonly Need[]): string[] => needs.map(({ anyOf }) => anyOf[0]);

describe('the privileges that are needed', () => {
  test('are asked for once each', () => {
    const keys = neededPrivileges({ major: 9 }).map(({ path, anyOf }) => `${path} ${anyOf.join('|')}`);
    expect(keys).toEqual([...new Set(keys)]);
    expect(keys).toContain('/vms/{vmid} VM.Clone');
  });

  test('follow the version of PVE', () => {
    const [eight, nine, seven] = [8, 9, 7].map((major) =>
      names(neededPrivileges({ major, features: FEATURES })),
    );
    expect(nine).toContain('VM.GuestAgent.Audit');
    expect(nine).not.toContain('VM.Monitor');
    expect(eight).toContain('VM.Monitor');
    expect(eight).not.toContain('VM.GuestAgent.Audit');
    expect(eight).toContain('SDN.Use');
    expect(seven).not.toContain('SDN.Use');
  });

  test('of a feature are needed only where it is used', () => {
    expect(names(neededPrivileges({ major: 9 }))).not.toContain('Datastore.AllocateTemplate');
    expect(names(neededPrivileges({ major: 9, features: ['isoUpload'] }))).toContain(
      'Datastore.AllocateTemplate',
    );
  });

  test('are few where no feature is used', () => {
    const basics = names(neededPrivileges({ major: 9 }));
    expect(basics).toContain('VM.Audit');
    for (const optional of ['VM.GuestAgent.Audit', 'SDN.Use', 'VM.Config.Cloudinit', 'VM.Config.CDROM'])
      expect(basics).not.toContain(optional);
  });

  test('never include the right to hand out rights', () => {
    const all = names(neededPrivileges({ major: 9, features: FEATURES }));
    expect(all).not.toContain('Permissions.Modify');
    expect(all).not.toContain('Sys.Modify');
  });
});

describe('a privilege is held', () => {
  const audit = need('/vms/{vmid}', 'VM.Audit');
  const held = (permissions: Permissions, wanted = audit): boolean =>
    missingPrivileges([wanted], permissions).length === 0;

  test.each<[string, Permissions, boolean]>([
    ['everywhere', { '/': { 'VM.Audit': true } }, true],
    ['on / without what is below', { '/': { 'VM.Audit': false } }, false],
    ['on all guests', { '/vms': { 'VM.Audit': true } }, true],
    ['on /vms without what is below', { '/vms': { 'VM.Audit': false } }, false],
    ['on one guest', { '/vms/100': { 'VM.Audit': false } }, true],
    ['through a pool', { '/pool/k8s': { 'VM.Audit': true } }, true],
    ['on / but replaced nearer', { '/': { 'VM.Audit': true }, '/vms': { 'VM.Clone': true } }, false],
    ['elsewhere only', { '/storage': { 'VM.Audit': true }, '/vmsx': { 'VM.Audit': true } }, false],
    ['nowhere', {}, false],
  ])('when granted %s: %j → %s', (_where, permissions, expected) => {
    expect(held(permissions)).toBe(expected);
  });

  test('when any of the alternatives is', () => {
    const either = need('/storage/{storage}', 'Datastore.Audit', 'Datastore.AllocateSpace');
    expect(held({ '/storage/local': { 'Datastore.AllocateSpace': true } }, either)).toBe(true);
  });

  test('on / itself only when granted there', () => {
    const root = need('/', 'Sys.Audit');
    expect(held({ '/': { 'Sys.Audit': false } }, root)).toBe(true);
    expect(held({ '/nodes': { 'Sys.Audit': true } }, root)).toBe(false);
  });

  test('for zones below the path of zones', () => {
    const use = need('/sdn/zones/{zone}', 'SDN.Use');
    expect(held({ '/sdn': { 'SDN.Use': true } }, use)).toBe(true);
    expect(held({ '/sdn/zones/localnetwork/vmbr0': { 'SDN.Use': true } }, use)).toBe(true);
    expect(held({ '/pool/k8s': { 'SDN.Use': true } }, use)).toBe(false);
  });
});

test('what is granted by the printed role leaves nothing missing', () => {
  for (const major of [7, 8, 9]) {
    const needs = neededPrivileges({ major, features: FEATURES });
    const [role = ''] = grantCommands(needs, { user: 'operator@pve' });
    const privileges = /--privs '([^']+)'/.exec(role)?.[1]?.split(',') ?? [];
    const held = { '/': Object.fromEntries(privileges.map((privilege) => [privilege, true])) };
    expect(missingPrivileges(needs, held)).toEqual([]);
  }
});

test('the role is granted to the user and to the token', () => {
  const needs = [
    need('/vms/{vmid}', 'VM.Clone'),
    need('/vms/{vmid}', 'VM.Audit'),
    need('/nodes/{node}', 'VM.Audit'),
  ];
  expect(grantCommands(needs, { user: 'operator@pve', token: 'k8s' })).toEqual([
    "pveum role add VirtRigaud --privs 'VM.Audit,VM.Clone'",
    "pveum acl modify / --users 'operator@pve' --roles VirtRigaud",
    "pveum acl modify / --tokens 'operator@pve!k8s' --roles VirtRigaud",
  ]);
  expect(grantCommands(needs, { user: 'operator@pve', role: 'Other' })).toHaveLength(2);
});

describe('the lines that close a gap', () => {
  const to = { user: 'operator@pve', token: 'k8s' };
  const clone = need('/vms/{vmid}', 'VM.Clone');
  const upload = need('/storage/{storage}', 'Datastore.AllocateTemplate');
  const grants = (missing: readonly Need[], held: Permissions): readonly string[] =>
    grantMissingCommands(missing, held, to).slice(2);

  test('add to the role and grant it to the user and to the token', () => {
    expect(grantMissingCommands([clone, upload], {}, to)).toEqual([
      'pveum role add VirtRigaud',
      "pveum role modify VirtRigaud --append 1 --privs 'Datastore.AllocateTemplate,VM.Clone'",
      "pveum acl modify / --users 'operator@pve' --roles VirtRigaud",
      "pveum acl modify / --tokens 'operator@pve!k8s' --roles VirtRigaud",
    ]);
  });

  test('grant on the path of an entry below the root, because a new one further up would have no effect', () => {
    const held = { '/': { 'Sys.Audit': true }, '/vms': { 'VM.Audit': true } };
    expect(grants([clone], held)).toEqual([
      "pveum acl modify /vms --users 'operator@pve' --roles VirtRigaud",
      "pveum acl modify /vms --tokens 'operator@pve!k8s' --roles VirtRigaud",
    ]);
  });

  test('grant at the root where nothing else is said below, for an entry there would replace what is inherited', () => {
    const inherited = { 'VM.Audit': true };
    expect(grants([clone], { '/': inherited, '/vms': inherited })[0]).toContain('modify / ');
  });

  test('name each path once', () => {
    const held = { '/': { 'Sys.Audit': true }, '/vms': { 'VM.Audit': true } };
    expect(grants([clone, upload, need('/vms/{vmid}', 'VM.Allocate')], held)).toHaveLength(4);
  });
});

test('every endpoint is named once and its placeholders are parameters', () => {
  const routes = ENDPOINTS.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(routes).size).toBe(routes.length);
  for (const { path, params } of ENDPOINTS) {
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const known = Object.keys((params as unknown as { shape: object }).shape);
    expect(known).toEqual(expect.arrayContaining(placeholders));
  }
});

test('the demo cluster grants what is needed and no more', () => {
  const { roles } = parse(readFileSync('test/fakepve/clusters/document.yaml', 'utf8')) as {
    roles: { VirtRigaud: string[] };
  };
  const all = names(neededPrivileges({ major: 9, features: FEATURES }));
  expect(roles.VirtRigaud.toSorted()).toEqual([...new Set(all)].toSorted());
});
