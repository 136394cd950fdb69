import { describe, expect, test } from '@jest/globals';
import { downBeside, restartKey } from '../../../../../controllers/virtualmachine/restart/observe.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

/** No guest of it runs. */
const CONNECTION = {
  identity: { name: 'homelab', nodes: ['pve-1'], address: undefined },
  inventory: { view: () => undefined },
} as unknown as Connection;

const vmOf = (namespace: string, name: string): VirtualMachine =>
  aVirtualMachine({
    metadata: { namespace, name, uid: `${namespace}-${name}` },
    spec: { classRef: { name: 'small', namespace: 'shared' } },
    status: { name },
  });

describe('a restart by policy', () => {
  const vm = vmOf('team-a', 'web');
  const [own, strangers] = [vmOf('team-a', 'db'), vmOf('team-b', 'db')];
  const behind = (...others: readonly VirtualMachine[]): string | undefined =>
    downBeside(vm, CONNECTION, {
      connections: { get: () => CONNECTION, isPending: () => false },
      vmsOfClass: () => others,
    });

  test('waits for a VM of the class in the same namespace that should run and does not', () => {
    expect(behind(own)).toBe('team-a/db');
  });

  test('cannot be held up from another namespace, nor name its VMs', () => {
    expect(behind(strangers)).toBeUndefined();
    expect(restartKey(vm, CONNECTION)).toBe(restartKey(own, CONNECTION));
    expect(restartKey(vm, CONNECTION)).not.toBe(restartKey(strangers, CONNECTION));
  });
});
