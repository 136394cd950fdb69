import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import type { z } from 'zod';
import { Provider, VirtualMachine } from '../../../src/api/index.ts';
import { completerOf, readStatus } from '../../../src/kube/status.ts';
import { rawThing } from './things.ts';
import { parserOf } from '../../../src/kube/parse.ts';

const complete = completerOf(VirtualMachine);
/** Stored by a version of the operator that is newer than this one. */
const NEWER = {
  vmid: 105,
  node: 'pve-1',
  backup: { last: '2026-01-01T00:00:00Z' },
  internal: { uuid: 'u', uploads: ['local:iso/x.iso'] },
};

describe('a status that a newer version of the operator wrote', () => {
  test('keeps the fields that only that version knows, also among the internal ones', () => {
    expect(complete(NEWER, { vmid: 105, node: 'pve-2', internal: { uuid: 'u' } })).toEqual({
      ...NEWER,
      node: 'pve-2',
    });
    expect(complete(NEWER, { vmid: 105 })).toEqual({
      ...NEWER,
      node: undefined,
      internal: { uploads: ['local:iso/x.iso'] },
    });
  });

  test('loses the fields that this version knows and no longer reports', () => {
    expect(complete({ vmid: 105, task: {}, internal: { restart: {} } }, { vmid: 105 })).toEqual({
      vmid: 105,
    });
  });

  test('keeps nothing about another guest than the one it was written for', () => {
    expect(complete(NEWER, { vmid: 106, internal: {} })).toEqual({ vmid: 106, internal: {} });
    expect(complete(NEWER, {})).toEqual({});
    expect(complete({ backup: 1 }, { vmid: 106 })).toEqual({ backup: 1, vmid: 106 });
  });

  test('is read without the reported fields that cannot be read: the next report replaces them', () => {
    const conditions = [{ type: 'Ready', status: 'Perhaps' }];
    const read = readStatus(VirtualMachine, { ...NEWER, phase: 'Hibernating', cpus: 'two', conditions });
    expect(read.data).toMatchObject({ vmid: 105, internal: { uuid: 'u' } });
    expect(Object.keys(read.data!)).toEqual(expect.arrayContaining(['vmid', 'node', 'internal']));
    expect(Object.keys(read.data!)).toHaveLength(3);
    expect(readStatus(Provider, { clusterID: 'homelab/pve-1', nodes: 7, healthy: 'yes' }).data).toEqual({
      clusterID: 'homelab/pve-1',
    });
  });

  test('is not read without a field that may name what was made', () => {
    const kept = ['vmid', 'node', 'task', 'disks', 'internal', 'adopted', 'placement', 'observedGeneration'];
    fc.assert(
      fc.property(fc.constantFrom(...kept), (name) => {
        expect(readStatus(VirtualMachine, { ...NEWER, [name]: [{}] }).error).toBeDefined();
      }),
    );
    expect(readStatus(Provider, { clusterID: 7 }).error).toBeDefined();
  });
});

test('every field that is only reported is a field of the status', () => {
  for (const { status, reportedOnly = [] } of [VirtualMachine, Provider] as const)
    expect(Object.keys((status as z.ZodObject).shape)).toEqual(expect.arrayContaining([...reportedOnly]));
});

test('faults of spec and status are named together', () => {
  const { problem, isStatusUnreadable } = parserOf(VirtualMachine)({
    ...rawThing('a', 1),
    spec: { providerRef: 7 },
    status: { vmid: [] },
  });
  expect(problem).toMatch(/^spec\.providerRef: .*\. status\.vmid: .*\.$/);
  expect(isStatusUnreadable).toBe(true);
});
