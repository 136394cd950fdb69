import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../../../controllers/shared/cluster/connections.ts';
import type { Decision } from '../../../../controllers/virtualmachine/model/decision.ts';
import { beforeActing, versionsOf } from '../../../../controllers/virtualmachine/up-to-date.ts';
import type { Provider, VirtualMachine, VMPlacementPolicy, VMSnapshot } from '../../../../src/api/index.ts';
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
  O extends
    | ReturnType<typeof aClass>
    | ReturnType<typeof anImage>
    | Provider
    | VirtualMachine
    | VMPlacementPolicy
    | VMSnapshot,
>(
  object: O,
): O => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: '2', generation: 2 },
});

const SOURCE = aVirtualMachine({ metadata: { name: 'db', uid: 'uid-of-db' } });

const POLICY: VMPlacementPolicy = {
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMPlacementPolicy',
  metadata: { ...SOURCE.metadata, name: 'apart', uid: 'uid-of-apart' },
  spec: {},
};

/** What the watches have shown, what the API server has, and which Provider the connection was opened for. */
function scene({
  connectedAt = 1,
  provider = aProvider(),
  spec,
}: Pick<VirtualMachineChange, 'spec'> & {
  readonly connectedAt?: number;
  readonly provider?: Provider;
} = {}) {
  const cached = {
    ...{ Provider: provider, VMClass: aClass(), VMImage: anImage() },
    ...{ VirtualMachine: SOURCE, VMSnapshot: aSnapshot(), VMPlacementPolicy: POLICY },
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
    get policies() {
      return readerOf(cached.VMPlacementPolicy);
    },
    connections: { get: () => connection, isPending: () => false },
    readAgain: (kind: keyof typeof cached, at: { readonly namespace: string; readonly name: string }) => {
      asked.push(`${kind} ${at.namespace}/${at.name}`);
      return Promise.resolve(void Object.assign(cached, { [kind]: live[kind] }));
    },
  };
  const vm = aVirtualMachine({ ...(spec && { spec }) });
  let decidedOn = versionsOf(vm, ports);
  return {
    vm,
    live,
    cached,
    asked,
    /** Afterwards it is decided again. */
    before: async (decision = RESERVE, fresh = vm) => {
      const held = await beforeActing(
        { vm, fresh, decidedOn },
        decision,
        ports,
        new AbortController().signal,
      );
      decidedOn = versionsOf(vm, ports);
      return held;
    },
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

  test.each([
    { who: 'its spec', spec: { placementRef: { name: 'apart' } }, provider: aProvider() },
    {
      who: 'its Provider',
      spec: {},
      provider: aProvider({ defaults: { placementRef: { name: 'apart' } } }),
    },
  ])('of the placement policy that $who names is decided with it', async ({ spec, provider }) => {
    const { live, before } = scene({ spec, provider });
    live.VMPlacementPolicy = changed(POLICY);
    expect(await before()).toBe('outdated');
  });

  test('of its placement policy that was seen while the VM was read is decided with it', async () => {
    const { live, cached, before } = scene({ spec: { placementRef: { name: 'apart' } } });
    live.VMPlacementPolicy = changed(POLICY);
    cached.VMPlacementPolicy = live.VMPlacementPolicy;
    expect(await before()).toBe('outdated');
  });

  test('is not decided again for what its placement policy reports', async () => {
    const { live, before } = scene({ spec: { placementRef: { name: 'apart' } } });
    const reported = { ...POLICY.metadata, resourceVersion: '2' };
    live.VMPlacementPolicy = { ...POLICY, metadata: reported, status: { users: 1 } };
    expect(await before()).toBeUndefined();
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
