import { describe, expect, test } from '@jest/globals';
import { dryRunPlan, asDryRun } from '../../../../../controllers/virtualmachine/report/dry-run.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aClaim, aDesiredVm, GONE, observed, seen } from '../../../../builders/guests.ts';

const made = aClaim({ made: true });

describe('a dry run', () => {
  test('lists how the VM would be created', () => {
    const want = aDesiredVm({ rootDisk: bytes(40 * GiB), nics: [{ name: 'lan', bridge: 'vmbr0' }] });
    expect(dryRunPlan(want, observed())).toEqual([
      'Create the VM on node pve-1 as a linked clone of template 9000.',
      'Give it 2 CPUs and 2Gi of memory.',
      'Connect its network lan to vmbr0.',
      'Grow its root disk to 40Gi.',
      'Start it.',
    ]);
  });

  test('says why none can be created', () => {
    const want = aDesiredVm({ creation: { ok: false, reason: 'NoEligibleNode', message: 'No node can.' } });
    expect(dryRunPlan(want, observed())).toEqual(['No node can.']);
  });

  test('lists all that would be changed in a VM that exists, each key as it is and as it would be', () => {
    const change = { set: { vcpus: 4, cipassword: 'hunter2' }, delete: ['balloon'] };
    const grow = { do: 'growDisk', disk: 'scsi0', to: bytes(40 * GiB), digest: 'd' } as const;
    const disks = {
      entries: [],
      unrecorded: false,
      steps: [grow],
      unmakeable: [],
      open: [],
      differences: [],
    };
    const have = observed({ claim: made, presence: seen({ running: false }), change, disks });
    expect(dryRunPlan(aDesiredVm(), have)).toEqual([
      'Change the configuration: vcpus 2 → 4, cipassword (not set) → (hidden), balloon (not set) → (not set).',
      'Grow scsi0 to 40Gi.',
      'Start the VM.',
    ]);
  });

  test('lists what would follow once the VM is off, and which data would be destroyed', () => {
    const detach = { do: 'detachDisk', name: 'data', device: 'scsi1', digest: 'd' } as const;
    const disks = {
      entries: [{ name: 'data', device: 'scsi1', reclaimPolicy: 'Delete' as const }],
      unrecorded: false,
      steps: [detach],
      unmakeable: [],
      open: [],
      differences: [],
    };
    const have = observed({ claim: made, presence: seen({ running: true }), disks });
    expect(dryRunPlan(aDesiredVm({ power: 'Off' }), have)).toEqual([
      'Stop the VM.',
      'Detach disk data, and destroy it with its data, because its reclaimPolicy is Delete.',
    ]);
  });

  test('names the values of everything that several writes would change, and of each disk', () => {
    const change = { set: { vcpus: 4 }, delete: [] };
    const net1 = 'virtio=02:00:00:00:00:01,bridge=vmbr1';
    const devices = { writes: [{ key: 'net1', value: net1 } as const], refused: [] };
    const bestEffortWrites = [{ key: 'tags', value: 'a;b', note: ['a', 'b'] } as const];
    const entries = [{ name: 'data', device: 'scsi1' }];
    const disks = { entries, unrecorded: true, steps: [], unmakeable: [], open: [], differences: [] };
    const due = { change, devices, unrecordedNics: true, bestEffortWrites, disks };
    const data = {
      name: 'data',
      size: bytes(5 * GiB),
      storage: 'ssd',
      options: {},
      reclaimPolicy: 'Detach',
    } as const;
    const have = observed({ claim: made, presence: seen(), ...due });
    expect(dryRunPlan(aDesiredVm({ disks: [data] }), have)).toEqual([
      `Change the configuration: vcpus 2 → 4, net1 (not set) → ${net1}, tags (not set) → a;b.`,
      'Add disk data: 5Gi on storage ssd.',
    ]);
    expect(dryRunPlan(aDesiredVm({ disks: [data] }), observed())).toContain(
      'Add disk data: 5Gi on storage ssd.',
    );
  });

  test('lists what a deletion would do, and holds it', () => {
    const have = observed({ claim: made, presence: seen() });
    expect(dryRunPlan(GONE, have)).toEqual(['Shut down the VM.']);
    const next = asDryRun(plan(GONE, have), GONE);
    expect(next).toMatchObject({ kind: 'wait', reason: 'DryRun' });
    expect(next).toMatchObject({ message: expect.stringContaining('Remove the annotation') });
  });

  test('lets an object go whose guest is gone', () => {
    const have = observed({ claim: made, presence: { kind: 'absent' } });
    const next = plan(GONE, have);
    expect(asDryRun(next, GONE)).toBe(next);
    expect(asDryRun({ kind: 'gone' }, GONE)).toEqual({ kind: 'gone' });
  });

  test('has nothing to say of a VM that is as desired', () => {
    const have = observed({ claim: made, presence: seen() });
    expect(dryRunPlan(aDesiredVm(), have)).toEqual([]);
    expect(asDryRun(plan(aDesiredVm(), have), aDesiredVm())).toEqual({ kind: 'steady' });
  });
});
