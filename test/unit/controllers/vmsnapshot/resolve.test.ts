import { describe, expect, test } from '@jest/globals';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';
import { resolve, type Resolution } from '../../../../controllers/vmsnapshot/resolve/resolve.ts';
import { FORCE_DELETE, type Provider, type VirtualMachine } from '../../../../src/api/index.ts';
import { millis, vmid } from '../../../../src/lib/units.ts';
import {
  aProvider,
  aSnapshot,
  aVirtualMachine,
  readerOf,
  UID,
  type SnapshotChange,
} from '../../../builders/objects.ts';

type Ports = Parameters<typeof resolve>[1];

const made = { vmid: vmid(101), name: 'web', internal: { uuid: UID } };
const taken = { snapshotName: 'before-upgrade', internal: { vmUID: UID, vmid: vmid(101) } };
const deleting = { deletionTimestamp: '2026-03-01T12:00:00Z' };

const DELETE = { deletionPolicy: 'Delete' } as const;
const DESTROYED = /The snapshot is destroyed with its VM/;
const STAYS = /Its VM in Proxmox VE stays, and so does the snapshot/;
const NOT_KNOWN = /If its VM in Proxmox VE is destroyed with it, so is this snapshot; if it is retained/;

interface World {
  readonly vm?: VirtualMachine | 'none';
  readonly provider?: Provider;
  readonly connected?: boolean;
}

function resolved(
  snapshot: SnapshotChange,
  { vm, provider = aProvider(), connected = true }: World = {},
): Resolution {
  const vms = vm === 'none' ? [] : [vm ?? aVirtualMachine({ status: made })];
  const connection = {
    inventory: { view: () => ({ staleSince: undefined }) },
    identity: { name: 'homelab', nodes: ['pve-1'], address: undefined },
  };
  const ports: Ports = {
    clusterId: 'c',
    vms: readerOf(...vms),
    providers: readerOf(provider),
    namespaces: NO_NAMESPACES,
    snapshotsOf: () => [],
    connections: {
      get: () => (connected ? connection : undefined),
      isPending: () => false,
    } as unknown as Ports['connections'],
    finishing: { forDeletion: () => ({ kind: 'none' }) },
  };
  return resolve(aSnapshot(snapshot), ports);
}

/** A Provider of another namespace that admits this one, without the policy Delete. */
const retaining = aProvider(
  { grants: [{ namespaces: { names: ['default'] }, deletionPolicies: ['Retain'] }] },
  { namespace: 'infra' },
);
const elsewhere = aVirtualMachine({
  spec: { providerRef: { name: 'pve', namespace: 'infra' } },
  status: made,
});

describe('a VMSnapshot', () => {
  test('knows its VM, what it is called, and until when it is tried', () => {
    expect(
      resolved({
        metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
        spec: { includeMemory: true, failureDeadline: millis(60_000), description: 'before' },
      }),
    ).toMatchObject({
      kind: 'resolved',
      resolved: {
        want: {
          exists: true,
          owner: { cluster: 'c', namespace: 'default', name: 'web', uid: UID },
          vmid: 101,
          memory: true,
          deadline: Date.parse('2026-03-01T12:01:00Z'),
          description: expect.stringMatching(
            /^before\n\nvirtrigaud-snapshot: c\/default\/before-upgrade\/\S+$/,
          ) as unknown,
        },
      },
    });
  });

  test.each([
    ['without its VM', { vm: 'none' as const }, 'VMNotFound'],
    ['of a VM that has no VMID', { vm: aVirtualMachine() }, 'VMNotReady'],
    ['without a connection', { connected: false }, 'ProviderNotReady'],
  ])('%s waits, and can be deleted as long as nothing was asked for', (_what, world, reason) => {
    expect(resolved({}, world)).toMatchObject({ kind: 'unresolved', missing: { reason } });
    expect(resolved({ metadata: deleting }, world)).toMatchObject({ kind: 'released' });
  });

  test('that is being deleted waits for its Provider, once a snapshot was asked for', () => {
    expect(resolved({ metadata: deleting, status: taken }, { connected: false })).toMatchObject({
      kind: 'unresolved',
      missing: { reason: 'ProviderNotReady' },
    });
    expect(
      resolved(
        { metadata: deleting, status: taken, spec: { deletionPolicy: 'Retain' } },
        { connected: false },
      ),
    ).toMatchObject({
      kind: 'released',
      left: { message: expect.stringContaining('snapshot before-upgrade of VM 101') as unknown },
    });
  });

  test.each([
    ['destroyed', undefined, undefined],
    ['retained', 'Retain' as const, /Its VM in Proxmox VE stays|stays in Proxmox VE/],
  ])(
    'of a VM that is deleted with its guest %s does not hold anything back',
    (_what, deletionPolicy, left) => {
      const vm = aVirtualMachine({
        metadata: deleting,
        spec: { ...(deletionPolicy && { deletionPolicy }) },
        status: made,
      });
      expect(resolved({ status: taken }, { vm })).toMatchObject({ kind: 'vmDeleted' });
      const released = resolved({ metadata: deleting, status: taken }, { vm, connected: false });
      expect(released.kind).toBe('released');
      const message = released.kind === 'released' ? released.left?.message : undefined;
      if (left) expect(message).toMatch(left);
      else expect(message).toBeUndefined();
    },
  );

  describe('of a VM that is being deleted says what becomes of its snapshot', () => {
    interface Fate {
      readonly annotations?: Readonly<Record<string, string>>;
      readonly spec?: Partial<VirtualMachine['spec']>;
      readonly status?: Partial<NonNullable<VirtualMachine['status']>>;
      readonly world?: World;
    }
    const preserved = { internal: { uuid: UID, preserved: true } };
    const infra = { providerRef: { name: 'pve', namespace: 'infra' } };
    const elsewhereGone = { providerRef: { name: 'gone', namespace: 'infra' } };
    const withdrawn = aProvider({ grants: [] }, { namespace: 'infra' });
    const unconnected = { connected: false };

    test.each<[string, Fate, RegExp]>([
      ['destroyed', {}, DESTROYED],
      ['destroyed if an adopted VM is to be', { status: { adopted: true }, spec: DELETE }, DESTROYED],
      ['destroyed if force is "false"', { annotations: { [FORCE_DELETE]: 'false' } }, DESTROYED],
      ['destroyed if that is granted by now', { status: preserved }, DESTROYED],
      ['kept with Retain', { spec: { deletionPolicy: 'Retain' } }, STAYS],
      ['kept with Stop, without a Provider', { spec: { deletionPolicy: 'Stop' }, world: unconnected }, STAYS],
      ['kept with an adopted VM', { status: { adopted: true } }, STAYS],
      ['kept if it is only observed', { spec: { managementPolicy: 'ObserveOnly' } }, STAYS],
      ['kept by force', { annotations: { [FORCE_DELETE]: 'true' }, spec: DELETE }, STAYS],
      ['kept if deletion is not granted', { spec: infra, world: { provider: retaining } }, STAYS],
      [
        'kept if deletion was not granted, and the grant was withdrawn',
        { spec: infra, status: preserved, world: { provider: withdrawn } },
        STAYS,
      ],
      [
        'kept if deletion was not granted, and the Provider is gone',
        { spec: elsewhereGone, status: preserved },
        STAYS,
      ],
      ['not known if the grant was withdrawn', { spec: infra, world: { provider: withdrawn } }, NOT_KNOWN],
      ['not known if what was granted is not', { spec: elsewhereGone }, NOT_KNOWN],
      ['destroyed although the Provider is not connected now', { world: unconnected }, DESTROYED],
    ])('%s', (_what, { annotations = {}, spec = {}, status, world = {} }, says) => {
      const metadata = { ...deleting, annotations };
      const vm = aVirtualMachine({ metadata, spec, status: { ...made, ...status } });
      const left =
        says === STAYS ? { message: expect.stringMatching(/^Left in .*before-upgrade/) } : undefined;
      const told = resolved({ status: taken }, { vm, ...world });
      expect(told).toMatchObject({ kind: 'vmDeleted', message: expect.stringMatching(says) as unknown });
      expect(told).toHaveProperty('left', left);
      const released = resolved({ metadata: deleting, status: taken }, { vm, ...world });
      expect(released).toEqual({ kind: 'released', left });
    });
  });

  test('of a VM that is only observed leaves its snapshot in Proxmox VE', () => {
    const vm = aVirtualMachine({ spec: { managementPolicy: 'ObserveOnly' }, status: made });
    expect(resolved({ metadata: deleting, status: taken }, { vm })).toMatchObject({
      kind: 'released',
      left: {},
    });
  });
});

describe('a Provider that does not grant the deletion policy Delete', () => {
  const world = { vm: elsewhere, provider: retaining };

  test('gets no snapshot that has it', () => {
    expect(resolved({}, world)).toMatchObject({
      resolved: {
        want: {
          restraint: {
            reason: 'NotGranted',
            message: expect.stringMatching(/deletionPolicy to Retain/) as unknown,
          },
        },
      },
    });
    expect(resolved({ spec: { deletionPolicy: 'Retain' } }, world)).toMatchObject({
      resolved: { want: { restraint: undefined } },
    });
  });

  test('keeps the snapshots that were taken before', () => {
    expect(resolved({ metadata: deleting, status: taken }, world)).toMatchObject({
      kind: 'released',
      left: { message: expect.stringMatching(/does not grant/) as unknown },
    });
  });
});
