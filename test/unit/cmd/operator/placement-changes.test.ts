/** What is remembered of changes that placement policies look at. */
import { expect, test } from '@jest/globals';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../../src/api/index.ts';
import { createPlacementChanges } from '../../../../src/cmd/operator/placement-changes.ts';
import { aProvider, aVirtualMachine } from '../../../builders/objects.ts';
import { aWatch, entryOf } from '../../../builders/watches.ts';

function scene() {
  const watches = {
    VirtualMachine: aWatch<VirtualMachine>(),
    VMPlacementPolicy: aWatch<VMPlacementPolicy>(),
    Provider: aWatch<Provider>(),
  };
  return { ...watches, changes: createPlacementChanges(watches) };
}
const vm = (name: string, namespace = 'default') =>
  entryOf(aVirtualMachine({ metadata: { name, uid: name, namespace } }));

test('the VMs of a namespace that have changed since are named, and none of others', () => {
  const { VirtualMachine, changes } = scene();
  VirtualMachine.change(undefined, vm('a'));
  const position = changes.position('default');
  expect(changes.since('default', position)).toEqual(new Set());
  VirtualMachine.change(undefined, vm('b'));
  VirtualMachine.change(vm('a'), undefined);
  VirtualMachine.change(undefined, vm('c', 'team-a'));
  expect(changes.since('default', position)).toEqual(new Set(['a', 'b']));
});

test('whoever is too far behind learns that it is not known any more', () => {
  const { VirtualMachine, changes } = scene();
  VirtualMachine.change(undefined, vm('a'));
  const long = changes.position('default');
  for (let n = 0; n < 5000; n += 1) VirtualMachine.change(vm('a'), vm('a'));
  const lately = changes.position('default');
  VirtualMachine.change(vm('a'), vm('a'));
  expect(changes.since('default', long)).toBeUndefined();
  expect(changes.since('default', lately)).toEqual(new Set(['a']));
});

test('a namespace that has VMs again is not taken for the one before', () => {
  const { VirtualMachine, changes } = scene();
  VirtualMachine.change(undefined, vm('a'));
  const position = changes.position('default');
  VirtualMachine.change(vm('a'), undefined);
  VirtualMachine.change(undefined, vm('b'));
  expect(changes.since('default', position)).toBeUndefined();
});

test('a namespace without VMs has no changes, whatever happens in others', () => {
  const { VirtualMachine, changes } = scene();
  VirtualMachine.change(undefined, vm('a'));
  const position = changes.position('infra');
  VirtualMachine.change(vm('a'), vm('a'));
  expect(changes.since('infra', position)).toEqual(new Set());
  VirtualMachine.change(undefined, vm('b', 'infra'));
  VirtualMachine.change(vm('b', 'infra'), undefined);
  expect(changes.since('infra', position)).toBeUndefined();
  expect(changes.since('infra', changes.position('infra'))).toEqual(new Set());
});

test('an edit of a Provider changes the rules, and what it reports does not', () => {
  const { Provider: providers, changes } = scene();
  const provider = entryOf(aProvider());
  const before = changes.rules();
  providers.change(undefined, provider);
  const made = changes.rules();
  expect(made).not.toBe(before);
  providers.change(provider, entryOf(aProvider({}, { resourceVersion: '2' })));
  expect(changes.rules()).toBe(made);
  providers.change(provider, entryOf(aProvider({}, { generation: 2 })));
  expect(changes.rules()).not.toBe(made);
});
