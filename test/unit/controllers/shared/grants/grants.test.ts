import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ALLOW_FROM, type ProviderSpec } from '../../../../../src/api/index.ts';
import { grantOf, mayUseVolume, selects } from '../../../../../controllers/shared/grants/grants.ts';
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
    const grant = grantOf(infra([{ namespaces: { names: ['infra'] }, nodes: [nodeName('pve-1')] }]), 'infra');
    expect(grant).toMatchObject({ adopt: 'all', sources: 'all', volumes: 'all', snippets: 'all' });
    expect(grant?.nodes).toBeUndefined();
  });

  test('is nothing without an entry or the annotation', () => {
    expect(grantOf(infra(), 'team-a')).toBeUndefined();
    expect(grantOf(infra([{ namespaces: { names: ['team-b'] } }]), 'team-a')).toBeUndefined();
  });

  test('is no guest, volume or snippet with the annotation alone, or with an entry that has no lists', () => {
    expect(grantOf(infra(undefined, 'team-a'), 'team-a')).toMatchObject(CLOSED);
    expect(grantOf(infra([{ namespaces: { names: ['*'] } }]), 'team-a')).toMatchObject(CLOSED);
  });

  test('is what the first entry with the namespace says, before the annotation', () => {
    const provider = infra(
      [
        { namespaces: { names: ['team-a'] }, storages: ['ssd'] },
        { namespaces: { names: ['*'] }, storages: ['hdd'] },
      ],
      '*',
    );
    expect(grantOf(provider, 'team-a')?.storages).toEqual(['ssd']);
    expect(grantOf(provider, 'team-b')?.storages).toEqual(['hdd']);
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
