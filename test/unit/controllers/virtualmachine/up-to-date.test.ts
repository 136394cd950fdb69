import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../../../controllers/shared/cluster/connections.ts';
import type { Decision } from '../../../../controllers/virtualmachine/model/decision.ts';
import { beforeActing } from '../../../../controllers/virtualmachine/up-to-date.ts';
import type { Provider, VirtualMachine, VMSnapshot } from '../../../../src/api/index.ts';
import {
  aClass,
  anImage,
  aProvider,
  aSnapshot,
  aVirtualMachine,
  readerOf,
  type VirtualMachineChange,
} from '../../../builders/objects.ts';

const RESERVE = { next: { kind: 'act', step: { do: 'reserve' } }, seen: {} } as unknown as Decision;
const START = { next: { kind: 'act', step: { do: 'start' } }, seen: {} } as unknown as Decision;

const changed = <
  O extends ReturnType<typeof aClass> | ReturnType<typeof anImage> | Provider | VirtualMachine | VMSnapshot,
>(
  object: O,
): O => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: '2', generation: 2 },
});

const SOURCE = aVirtualMachine({ metadata: { name: 'db', uid: 'uid-of-db' } });

/** What the watches have shown, what the API server has, and which Provider the connection was opened for. */
function scene({
  connectedAt = 1,
  spec,
}: Pick<VirtualMachineChange, 'spec'> & { readonly connectedAt?: number } = {}) {
  const cached = {
    ...{ Provider: aProvider(), VMClass: aClass(), VMImage: anImage() },
    ...{ VirtualMachine: SOURCE, VMSnapshot: aSnapshot() },
  };
  const live = { ...cached };
  const asked: string[] = [];
  const connection = { generation: connectedAt } as Connection;
  const ports = {
    get providers() {
      return readerOf(cached.Provider);
    },
    get classes() {
      return readerOf(cached.VMClass);
    },
    get images() {
      return readerOf(cached.VMImage);
    },
    get vms() {
      return readerOf(cached.VirtualMachine);
    },
    get snapshots() {
      return readerOf(cached.VMSnapshot);
    },
    connections: { get: () => connection, isPending: () => false },
    readAgain: (kind: keyof typeof cached, at: { readonly namespace: string; readonly name: string }) => {
      asked.push(`${kind} ${at.namespace}/${at.name}`);
      return Promise.resolve(void Object.assign(cached, { [kind]: live[kind] }));
    },
  };
  const vm = aVirtualMachine({ ...(spec && { spec }) });
  return {
    vm,
    live,
    asked,
    before: (decision = RESERVE, fresh = vm) =>
      beforeActing({ vm, fresh }, decision, ports, new AbortController().signal),
  };
}

describe('a VM that is applied together with a change', () => {
  test.each([
    ['its Provider', 'Provider', changed(aProvider()), undefined],
    ['its class', 'VMClass', changed(aClass()), undefined],
    ['its image', 'VMImage', changed(anImage()), undefined],
    ['the VM that it is a copy of', 'VirtualMachine', changed(SOURCE), { vmRef: { name: 'db' } }],
    [
      'the snapshot that it is a copy of',
      'VMSnapshot',
      changed(aSnapshot()),
      { snapshotRef: { name: 'before-upgrade' } },
    ],
  ] as const)('of %s, and seen before it, is decided with it', async (_what, kind, newer, cloneFrom) => {
    const { live, before } = scene({ spec: { cloneFrom } });
    Object.assign(live, { [kind]: newer });
    expect(await before()).toBe('outdated');
  });

  test('of its Provider reserves no VMID until the connection is that of the new spec', async () => {
    const { live, before } = scene();
    live.Provider = changed(aProvider());
    await before();
    expect(await before()).toMatchObject({ outcome: { kind: 'unchanged' } });
  });

  test('of its Provider that cannot be used says so', async () => {
    const { live, before } = scene();
    const condition = { type: 'Ready', status: 'False', reason: 'CredentialsInvalid', message: 'No token.' };
    const conditions = [{ ...condition, lastTransitionTime: '2026-03-01T12:00:00Z' }] as const;
    live.Provider = changed(aProvider({}, {}, { observedGeneration: 2, conditions } as Provider['status']));
    await before();
    expect(await before()).toMatchObject({
      outcome: { kind: 'waiting', reason: 'ProviderNotReady', message: expect.stringContaining('No token.') },
    });
  });

  test('goes on where nothing has changed', async () => {
    const { before, asked } = scene();
    expect(await before()).toBeUndefined();
    expect(asked).toEqual(['Provider default/pve', 'VMClass default/small', 'VMImage default/ubuntu']);
  });
});

test('nothing is asked for a guest that exists', async () => {
  const { live, before, asked } = scene({ connectedAt: 0 });
  live.Provider = changed(aProvider());
  expect(await before(START)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('what was decided on an older VM is decided again', async () => {
  const { vm, before } = scene();
  expect(await before(START, { ...vm, metadata: { ...vm.metadata, resourceVersion: '2' } })).toBe('outdated');
});
