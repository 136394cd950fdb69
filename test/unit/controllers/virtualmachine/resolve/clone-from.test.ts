import { describe, expect, test } from '@jest/globals';
import {
  ALLOW_FROM,
  type Reason,
  type VirtualMachine,
  type VMSnapshot,
} from '../../../../../src/api/index.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { endsOnlyByEdit } from '../../../../../controllers/shared/errors/only-by-edit.ts';
import {
  cloneFromOf,
  type CloneFromPorts,
} from '../../../../../controllers/virtualmachine/resolve/clone-from.ts';
import { aSource, aSourceSnapshot, SNAPNAME, SOURCE_UID } from '../../../../builders/clone-sources.ts';
import {
  aVirtualMachine,
  OTHER_UID,
  readerOf,
  UID,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';

const connection = (ledger = 'ours') => ({ ledger }) as unknown as Connection;

interface World {
  readonly vm?: VirtualMachineChange;
  readonly vms?: readonly VirtualMachine[];
  readonly snapshots?: readonly VMSnapshot[];
  readonly connections?: CloneFromPorts['connections'];
}

const OURS = connection();

function resolved({ vm = {}, vms = [aSource()], snapshots = [aSourceSnapshot()], connections }: World) {
  const { spec = { cloneFrom: { vmRef: { name: 'db' } } }, ...change } = vm;
  const found = cloneFromOf(aVirtualMachine({ ...change, spec: { imageRef: undefined, ...spec } }), OURS, {
    clusterId: 'cluster-1',
    vms: readerOf(...vms),
    snapshots: readerOf(...snapshots),
    connections: connections ?? { get: () => OURS, isPending: () => false },
  });
  return found === undefined || found.ok ? found : found.reason;
}

const OF_SNAPSHOT = { spec: { cloneFrom: { snapshotRef: { name: 'before-upgrade' } } } };
const elsewhere = { namespace: 'prod', name: 'db' };
const FROM_PROD = { spec: { cloneFrom: { vmRef: elsewhere } } };

describe('the source of a copy is', () => {
  test('the guest of the VirtualMachine, with the names of its disks', () => {
    const source = aSource();
    const disks = [
      { name: 'root', device: 'scsi0', volume: 'disks:vm-200-disk-0' },
      { name: 'data', device: 'scsi1', volume: 'disks:vm-200-disk-1' },
    ];
    expect(resolved({ vms: [{ ...source, status: { ...source.status, disks } }] })).toEqual({
      ok: true,
      of: 'VirtualMachine default/db',
      owner: { cluster: 'cluster-1', namespace: 'default', name: 'db', uid: SOURCE_UID },
      uuid: SOURCE_UID,
      vmid: 200,
      linked: true,
      disks: [{ name: 'data', volume: 'disks:vm-200-disk-1' }],
    });
  });

  test('what the VMSnapshot is called in Proxmox VE', () => {
    expect(resolved({ vm: OF_SNAPSHOT })).toMatchObject({
      of: 'VirtualMachine default/db',
      snapshot: { of: 'VMSnapshot default/before-upgrade', name: SNAPNAME },
    });
  });

  test.each<[string, VirtualMachineChange['status']]>([
    ['that exists', { vmid: vmid(101), name: 'web' }],
    ['that was found again after its status was lost', { vmid: vmid(101), internal: { recovered: true } }],
  ])('not looked for by a VM %s', (_what, status) => {
    expect(resolved({ vm: { status }, vms: [] })).toBeUndefined();
  });

  test.each<[string, World, string]>([
    ['does not exist', { vms: [] }, 'VMNotFound'],
    ['is the VM itself', { vms: [aSource({ metadata: { uid: UID } })] }, 'CloneNotPossible'],
    [
      'is being deleted',
      { vms: [aSource({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } })] },
      'SourceNotReady',
    ],
    [
      'has no VMID yet',
      { vms: [aVirtualMachine({ metadata: { name: 'db', uid: OTHER_UID } })] },
      'SourceNotReady',
    ],
    [
      'was not configured yet',
      { vms: [{ ...aSource(), status: { vmid: vmid(200), name: 'db', cloneType: 'Full' } }] },
      'SourceNotReady',
    ],
    ['is a snapshot that does not exist', { vm: OF_SNAPSHOT, snapshots: [] }, 'SnapshotNotFound'],
    [
      'is a snapshot that is not ready',
      { vm: OF_SNAPSHOT, snapshots: [aSourceSnapshot({ readyToUse: false })] },
      'SourceNotReady',
    ],
    [
      'is in another namespace that does not allow it',
      { vm: FROM_PROD, vms: [aSource({ metadata: { namespace: 'prod' } })] },
      'ReferenceNotAllowed',
    ],
    ['is in another namespace and does not exist', { vm: FROM_PROD, vms: [] }, 'ReferenceNotAllowed'],
  ])('waited for while it %s', (_what, world, reason) => {
    expect(resolved(world)).toBe(reason);
  });

  test.each<[string, World]>([
    ['an earlier VM of that name', { snapshots: [aSourceSnapshot({ internal: { vmUID: UID } })] }],
    [
      'an earlier VM of that name, as its controller left it',
      { snapshots: [aSourceSnapshot({ readyToUse: false, internal: { vmUID: UID } })] },
    ],
    ['a VM that was deleted', { vms: [] }],
    [
      'a VM that was deleted, as its controller left it',
      { vms: [], snapshots: [aSourceSnapshot({ readyToUse: false })] },
    ],
  ])('refused for good where it is a snapshot of %s', (_what, world) => {
    const reason = resolved({ vm: OF_SNAPSHOT, ...world });
    expect(reason).toBe('CloneNotPossible');
    expect(endsOnlyByEdit(reason as Reason)).toBe(true);
  });

  test('one of another namespace that allows it', () => {
    const metadata = { namespace: 'prod', annotations: { [ALLOW_FROM]: 'default' } };
    const providerRef = { name: 'pve', namespace: 'default' };
    expect(resolved({ vm: FROM_PROD, vms: [aSource({ metadata, spec: { providerRef } })] })).toMatchObject({
      of: 'VirtualMachine prod/db',
    });
  });

  test.each<[string, Connection | undefined, string]>([
    ['that is not known', undefined, 'SourceNotReady'],
    ['that is another', connection('theirs'), 'CloneNotPossible'],
  ])('not in a cluster %s', (_what, its, reason) => {
    const connections = {
      get: (_namespace: string, name: string) => (name === 'pve' ? OURS : its),
      isPending: () => false,
    };
    const vms = [aSource({ spec: { providerRef: { name: 'other' } } })];
    expect(resolved({ vms, connections })).toBe(reason);
    const same = { get: () => OURS, isPending: () => false };
    expect(resolved({ vms, connections: same })).toMatchObject({ ok: true });
  });
});
