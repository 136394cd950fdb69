import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { ALLOW_FROM, type ProviderSpec } from '../../../../../src/api/index.ts';
import {
  grantInForce,
  grantOf,
  isUndecided,
  mayUseVolume,
  selects,
} from '../../../../../controllers/shared/grants/grants.ts';
import { NO_NAMESPACES, type Namespaces } from '../../../../../controllers/shared/grants/namespaces.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aProvider } from '../../../../builders/objects.ts';
import { aRow } from '../../../../builders/views.ts';

type Grants = NonNullable<ProviderSpec['grants']>;
const infra = (grants?: Grants, allowFrom?: string) =>
  aProvider(grants ? { grants } : {}, {
    namespace: 'infra',
    annotations: allowFrom === undefined ? {} : { [ALLOW_FROM]: allowFrom },
  });
const CLOSED = { adopt: [], sources: [], volumes: [], snippets: [] };

describe('what a namespace is granted', () => {
  test('is everything in the namespace of the Provider, whatever its grants say', () => {
    const grant = grantOf(
      infra([{ namespaces: { names: ['infra'] }, nodes: [nodeName('pve-1')] }]),
      'infra',
      NO_NAMESPACES,
    );
    expect(grant).toMatchObject({ adopt: 'all', sources: 'all', volumes: 'all', snippets: 'all' });
    expect(grant?.nodes).toBeUndefined();
  });

  test('is nothing without an entry or the annotation', () => {
    expect(grantOf(infra(), 'team-a', NO_NAMESPACES)).toBeUndefined();
    expect(grantOf(infra([{ namespaces: { names: ['team-b'] } }]), 'team-a', NO_NAMESPACES)).toBeUndefined();
  });

  test('is no guest, volume or snippet with the annotation alone, or with an entry that has no lists', () => {
    expect(grantOf(infra(undefined, 'team-a'), 'team-a', NO_NAMESPACES)).toMatchObject(CLOSED);
    expect(grantOf(infra([{ namespaces: { names: ['*'] } }]), 'team-a', NO_NAMESPACES)).toMatchObject(CLOSED);
  });

  test('is what the first entry with the namespace says, before the annotation', () => {
    const provider = infra(
      [
        { namespaces: { names: ['team-a'] }, storages: ['ssd'] },
        { namespaces: { names: ['*'] }, storages: ['hdd'] },
      ],
      '*',
    );
    expect(grantOf(provider, 'team-a', NO_NAMESPACES)?.storages).toEqual(['ssd']);
    expect(grantOf(provider, 'team-b', NO_NAMESPACES)?.storages).toEqual(['hdd']);
  });
});

describe('namespaces that are selected by the labels of their Namespaces', () => {
  const LABELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'team-a': { team: 'a', env: 'prod' },
    'team-b': { team: 'b' },
    plain: {},
  };
  const known: Namespaces = { labelsOf: (name) => LABELS[name] ?? 'unread', mayBeRead: true };
  type Selector = NonNullable<Grants[number]['namespaces']['selector']>;
  const admitted = (selector: Selector, namespaces = known) =>
    Object.keys(LABELS).filter((name) => grantOf(infra([{ namespaces: { selector } }]), name, namespaces));

  test.each<[Selector, readonly string[]]>([
    [{ matchLabels: { team: 'a' } }, ['team-a']],
    [{ matchLabels: { team: 'a', env: 'test' } }, []],
    [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] }, ['team-a', 'team-b']],
    [{ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] }, ['team-b', 'plain']],
    [{ matchExpressions: [{ key: 'env', operator: 'Exists' }] }, ['team-a']],
    [{ matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] }, ['team-b', 'plain']],
    [
      { matchLabels: { team: 'b' }, matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] },
      ['team-b'],
    ],
    // A member that every object has is no label.
    [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, []],
  ])('by %j are %j', (selector, expected) => {
    expect(admitted(selector)).toEqual(expected);
  });

  test('are admitted by nothing where Namespaces may not be read, not even by a selector for labels that are absent', () => {
    const absent: Selector = { matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] };
    expect(admitted(absent)).not.toEqual([]);
    expect(admitted(absent, NO_NAMESPACES)).toEqual([]);
  });

  test('wait until the labels are known, and get no later entry in the meantime', () => {
    const provider = infra([
      { namespaces: { selector: { matchLabels: { team: 'new' } } }, storages: ['hdd'] },
      { namespaces: { names: ['*'] }, deletionPolicies: ['Delete'] },
    ]);
    expect(grantOf(provider, 'new', known)).toBeUndefined();
    expect(isUndecided(provider, 'new', known)).toBe(true);
    expect(isUndecided(provider, 'plain', known)).toBe(false);
    expect(grantOf(provider, 'plain', known)?.deletionPolicies).toEqual(['Delete']);
    const first = infra([...(provider.spec.grants ?? [])].toReversed());
    expect(isUndecided(first, 'new', known)).toBe(false);
  });

  test('that lose their label keep what a withdrawn grant leaves', () => {
    const provider = infra([{ namespaces: { selector: { matchLabels: { team: 'a' } } } }]);
    const at = { namespace: 'infra', name: 'pve' };
    const inForce = (namespace: string) => grantInForce(provider, at, { namespace, namespaces: known });
    expect(inForce('team-a').isWithdrawn).toBeUndefined();
    expect(inForce('team-b').isWithdrawn).toBe(true);
    expect(grantInForce(undefined, at, { namespace: 'team-a', namespaces: known }).isWithdrawn).toBe(true);
  });
});

describe('a selector of guests', () => {
  const guest = aRow({ vmid: vmid(150), pool: 'golden', tags: ['Linux'] });

  test.each([
    [{ vmIdRange: { start: vmid(100), end: vmid(150) } }, true],
    [{ vmIdRange: { start: vmid(151), end: vmid(200) } }, false],
    [{ pool: 'golden', tag: 'linux' }, true],
    [{ pool: 'golden', tag: 'windows' }, false],
    [{ pool: 'other' }, false],
  ])('%j matches with all that it has: %s', (selector, expected) => {
    expect(selects([selector], guest)).toBe(expected);
  });
});

describe('a volume', () => {
  test.each([
    ['local:import/debian.qcow2', ['local:import/debian.qcow2'], true],
    ['local:import/debian.qcow2', ['local:import/*'], true],
    ['local:import/debian.qcow2', ['local:import/deb'], false],
    ['local:import/debian.qcow2', ['nfs:import/*'], false],
    ['local:import/debian.qcow2', [], false],
    ['local:import/../100/vm-100-disk-0.qcow2', ['local:import/*'], false],
    ['local-lvm:vm-100-disk-0', ['local-lvm:*'], false],
    ['local-lvm:vm-100-disk-0', ['local-lvm:vm-100-disk-0'], true],
    ['local:100/vm-100-disk-0.qcow2', ['local:*'], false],
    ['local:9000/base-9000-disk-0.raw/101/vm-101-disk-0.qcow2', ['local:*'], false],
  ])('%s may be used with %j: %s', (volume, granted, expected) => {
    expect(mayUseVolume(granted, volume)).toBe(expected);
  });

  test('of a guest is never within a pattern, however that begins', () => {
    const prefix = fc.constantFrom('', 'vm-', 'vm-100-', '100/', 'base-', 'b', '1');
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999_999 }), prefix, fc.boolean(), (id, start, inFolder) => {
        const name = inFolder ? `${id}/vm-${id}-disk-0.qcow2` : `vm-${id}-disk-0`;
        expect(mayUseVolume([`local:${start}*`], `local:${name}`)).toBe(false);
      }),
    );
  });
});
