import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import {
  consequencesOf,
  granteeOf,
  missingPrivilegesOf,
  namesOf,
} from '../../../../controllers/provider/missing-privileges.ts';
import { insufficient, limitedFeatures } from '../../../../controllers/provider/report.ts';
import { FEATURES, neededPrivileges, type Need, type Permissions } from '../../../../src/pve/index.ts';

const TO = { user: 'virtrigaud@pve', token: 'vrtg-token' };
const ALL = [
  ...new Set(neededPrivileges({ major: 9, features: FEATURES }).flatMap(({ anyOf }) => [anyOf[0]])),
];
const everywhereBut = (...without: readonly string[]): Permissions => ({
  '/': Object.fromEntries(ALL.filter((name) => !without.includes(name)).map((name) => [name, true])),
});

test('the grantee is the user of a password, or of a token with its name', () => {
  expect(granteeOf({ kind: 'token', id: 'a@pve!b', secret: 's' })).toEqual({ user: 'a@pve', token: 'b' });
  expect(granteeOf({ kind: 'password', username: 'a@pve', password: 'p' })).toEqual({ user: 'a@pve' });
});

test('credentials with all privileges lack none', () => {
  expect(missingPrivilegesOf(everywhereBut(), 9, { to: TO })).toEqual({
    required: [],
    optional: [],
    commands: [],
  });
  expect(limitedFeatures(missingPrivilegesOf(everywhereBut(), 9, { to: TO }))).toEqual([]);
});

test('a privilege of one feature does not make the Provider unready', () => {
  const lacks = missingPrivilegesOf(everywhereBut('VM.GuestAgent.Audit', 'SDN.Use'), 9, { to: TO });
  expect(lacks.required).toEqual([]);
  expect(limitedFeatures(lacks)).toEqual([
    {
      type: 'MissingPrivileges',
      status: 'True',
      reason: 'FeaturesLimited',
      message:
        'Some features do not work because privileges are missing: addresses are not read from the guest agent (VM.GuestAgent.Audit on /vms); ' +
        'Proxmox VE refuses VMs and templates that have network interfaces (SDN.Use on /sdn/zones). On a node: ' +
        "pveum role add VirtRigaud ; pveum role modify VirtRigaud --append 1 --privs 'SDN.Use,VM.GuestAgent.Audit' ; " +
        "pveum acl modify / --users 'virtrigaud@pve' --roles VirtRigaud ; pveum acl modify / --tokens 'virtrigaud@pve!vrtg-token' --roles VirtRigaud",
    },
  ]);
});

test('the privileges of snapshots limit features only, and the commands grant them', () => {
  const lacks = missingPrivilegesOf(everywhereBut('VM.Snapshot', 'VM.Snapshot.Rollback'), 9, { to: TO });
  expect(lacks.required).toEqual([]);
  expect(consequencesOf(lacks)).toEqual([
    'snapshots are neither taken nor deleted, and no VM is reverted to one (VM.Snapshot on /vms, VM.Snapshot.Rollback on /vms)',
  ]);
  expect(lacks.commands).toContain(
    "pveum role modify VirtRigaud --append 1 --privs 'VM.Snapshot,VM.Snapshot.Rollback'",
  );
});

const mapping = (path: string): Need => ({
  path,
  anyOf: ['Mapping.Use'],
  since: 8,
  feature: 'devices',
});

test('a resource mapping that VMs use is granted alone, to those who may not use it yet', () => {
  const mappings = [mapping('/mapping/pci/gpu'), mapping('/mapping/usb/dongle')];
  const held = { ...everywhereBut(), '/mapping/usb/dongle': { 'Mapping.Use': true } };
  const lacks = missingPrivilegesOf(held, 9, { to: TO, inUse: mappings });
  expect(consequencesOf(lacks)).toEqual([
    'VMs run without devices of resource mappings (Mapping.Use on /mapping/pci/gpu)',
  ]);
  expect(lacks.required).toEqual([]);
  expect(lacks.commands).toEqual([
    "pveum acl modify /mapping/pci/gpu --users 'virtrigaud@pve' --roles PVEMappingUser",
    "pveum acl modify /mapping/pci/gpu --tokens 'virtrigaud@pve!vrtg-token' --roles PVEMappingUser",
  ]);
});

test('of many resource mappings those that are missing are named, as many as a condition can hold', () => {
  const path = (index: number): string => `/mapping/pci/gpu-${String(index).padStart(2, '0')}`;
  const mappings = Array.from({ length: 30 }, (_, index) => mapping(path(index)));
  const granted = Object.fromEntries(
    mappings.slice(0, 12).map((each) => [each.path, { 'Mapping.Use': true }]),
  );
  const lacks = missingPrivilegesOf({ ...everywhereBut(), ...granted }, 9, { to: TO, inUse: mappings });
  expect(namesOf(lacks.optional)).toEqual(
    Array.from({ length: 8 }, (_, index) => `Mapping.Use on ${path(12 + index)}`),
  );
  expect(lacks.commands.join()).not.toContain(path(0));
});

test('Proxmox VE 7 has no resource mappings, so that nothing is missing there', () => {
  const lacks = missingPrivilegesOf(everywhereBut(), 7, { to: TO, inUse: [mapping('/mapping/pci/gpu')] });
  expect(consequencesOf(lacks).join()).not.toContain('mapping');
});

test('whoever may take snapshots may revert to them as well', () => {
  const lacks = missingPrivilegesOf(everywhereBut('VM.Snapshot.Rollback'), 9, { to: TO });
  expect(consequencesOf(lacks)).toEqual([]);
});

test('the message names a few privileges, counts the rest, and says what grants them all', () => {
  const lacks = missingPrivilegesOf({}, 9, { to: TO });
  const message = insufficient(lacks);
  expect(message).toMatch(/^The credentials do not have these privileges anywhere: .* on .* and \d+ more\. /);
  for (const command of lacks.commands) expect(message).toContain(command);
});

describe('with any privileges granted', () => {
  const paths = ['/', '/vms', '/vms/100', '/storage', '/nodes', '/sdn', '/sdn/zones', '/pool/p'];
  const held = fc.dictionary(
    fc.constantFrom(...paths),
    fc.dictionary(fc.constantFrom(...ALL), fc.boolean(), { maxKeys: 6 }),
  );

  const someMappings = fc.array(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,99}$/).map((name) => mapping(`/mapping/pci/${name}`)),
    { maxLength: 20 },
  );

  test('messages fit into a condition and never end in half a line', () => {
    fc.assert(
      fc.property(held, fc.constantFrom(7, 8, 9), someMappings, (permissions, major, mappings) => {
        const lacks = missingPrivilegesOf(permissions, major, { to: TO, inUse: mappings });
        for (const message of [insufficient(lacks), ...limitedFeatures(lacks).map((c) => c.message)]) {
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
          expect(message).toMatch(/--roles (VirtRigaud|PVEMappingUser)$|grant them\.$|On a node: $/);
        }
      }),
    );
  });
});

test('however many resource mappings lack a privilege, that for downloads is named', () => {
  const mappings = Array.from({ length: 9 }, (_, n) => mapping(`/mapping/pci/gpu-${n}`));
  const download: Need = {
    path: '/nodes/{node}',
    anyOf: ['Sys.AccessNetwork'],
    since: 8,
    feature: 'downloads',
  };
  const { optional } = missingPrivilegesOf(everywhereBut('Sys.AccessNetwork'), 9, {
    to: TO,
    inUse: [...mappings, download],
  });
  expect(optional.filter(({ feature }) => feature === 'downloads')).toEqual([download]);
  expect(optional.filter(({ feature }) => feature === 'devices')).toHaveLength(8);
});
