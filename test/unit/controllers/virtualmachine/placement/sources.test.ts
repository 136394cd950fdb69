import { expect, test } from '@jest/globals';
import type { Template } from '../../../../../controllers/shared/placement/clone-routes.ts';
import { sourceProblem } from '../../../../../controllers/virtualmachine/placement/sources.ts';
import { vmid, nodeName } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aMark, FOREIGN } from '../../../../builders/guests.ts';
import { aGrant } from '../../../../builders/objects.ts';

const source = (change: Partial<Template>): Template => ({
  vmid: vmid(150),
  node: nodeName('pve-1'),
  isTemplate: false,
  running: false,
  disks: [],
  cdStorages: [],
  linkable: true,
  ...change,
});
const problemOf = (template: Template, grant = aGrant(), shape: object = {}) =>
  sourceProblem([template], { owner: aMark(), grant, shape: { ...aDesiredVm(), ...shape } })?.reason ??
  'cloned';

const OF_IMAGE = { cluster: 'elsewhere', namespace: 'team-b', name: 'ubuntu', uid: 'uid-of-ubuntu' };

test.each<[string, Partial<Template>, string]>([
  ['a template', { isTemplate: true }, 'cloned'],
  ['a template that was made of the VM of another namespace', { isTemplate: true, mark: FOREIGN }, 'cloned'],
  ['a template that was made for a VMImage', { isTemplate: true, image: OF_IMAGE }, 'cloned'],
  ['a VM that is being made into a template for a VMImage', { image: OF_IMAGE }, 'SourceNotAllowed'],
  [
    'a VM of the namespace with a copy of such a mark',
    { image: OF_IMAGE, mark: aMark({ name: 'db' }) },
    'cloned',
  ],
  ['a stopped VM without an owner', {}, 'cloned'],
  ['a running VM without an owner', { running: true }, 'SourceNotAllowed'],
  ['a running VM of the namespace', { running: true, mark: aMark({ name: 'db' }) }, 'cloned'],
  ['a stopped VM of another namespace', { mark: FOREIGN }, 'SourceNotAllowed'],
  ['a VM of another installation', { mark: aMark({ cluster: 'elsewhere' }) }, 'SourceNotAllowed'],
])('%s', (_what, change, expected) => {
  expect(problemOf(source(change))).toBe(expected);
});

test('a VM that keeps the interfaces of its template needs their bridges', () => {
  const template = source({ isTemplate: true, bridges: ['vmbr0', 'vmbr1'] });
  const grant = aGrant({ namespaces: { names: ['*'] }, bridges: ['vmbr0'] });
  expect(problemOf(template, grant)).toBe('NotGranted');
  expect(problemOf(template, grant, { nics: [{ name: 'lan', bridge: 'vmbr0' }] })).toBe('cloned');
  expect(problemOf(source({ isTemplate: true, bridges: ['vmbr0'] }), grant)).toBe('cloned');
});
