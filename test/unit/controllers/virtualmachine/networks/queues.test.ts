import { describe, expect, test } from '@jest/globals';
import { queuesIgnored } from '../../../../../controllers/virtualmachine/networks/queues.ts';
import type { DesiredNic } from '../../../../../controllers/virtualmachine/model/desired.ts';

const aNic = (name: string, queues?: number): DesiredNic => ({
  name,
  bridge: 'vmbr0',
  ...(queues !== undefined && { settings: { queues: String(queues) } }),
});

describe('queues of a network', () => {
  test('that the VM has no CPUs for are reported, each network with its own', () => {
    const nics = [aNic('lan', 8), aNic('dmz', 2), aNic('mgmt'), aNic('san', 3)];
    expect(queuesIgnored(nics, { cpus: 2 })).toEqual([
      'More queues than the VM has CPUs (2) have no effect: spec.networks asks for 8 of lan, 3 of san. Set queues to 2 at most.',
    ]);
  });

  test('that it has CPUs for, or may come to have without a restart, are not', () => {
    expect(queuesIgnored([aNic('lan', 2), aNic('dmz', 0)], { cpus: 2 })).toEqual([]);
    expect(queuesIgnored([aNic('lan', 8)], { cpus: 2, maxCpus: 8 })).toEqual([]);
    expect(queuesIgnored(undefined, { cpus: 1 })).toEqual([]);
  });
});
