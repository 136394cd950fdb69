import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../../../controllers/shared/cluster/ledger.ts';
import type { ResolvedSpec } from '../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { restKey, surroundingsNow } from '../../../../controllers/virtualmachine/settled.ts';
import type { GuestView, View } from '../../../../src/pve/index.ts';
import { bytes, GiB, nodeName, upid, vmid } from '../../../../src/lib/units.ts';
import { aMark, aDesiredVm, NOW, UPID } from '../../../builders/guests.ts';
import { aGrant, aVirtualMachine, type VirtualMachineChange } from '../../../builders/objects.ts';
import { aNode, aRow, aStorage, aView, isoStorage } from '../../../builders/views.ts';

/** Another node of the cluster has fewer CPUs. */
const NODE = aNode('pve-1', { cpus: 8 });
const OTHER = aNode('pve-2', { cpus: 4 });

describe('what a settled guest rests on', () => {
  const VM: VirtualMachineChange = { status: { vmid: vmid(101) } };
  const shape = (change: Parameters<typeof aDesiredVm>[0] = {}) => {
    const { exists: _exists, creation: _creation, graceSeconds: _grace, ...rest } = aDesiredVm(change);
    return rest;
  };
  const key = ({
    vm = VM,
    desired = {},
    row = {},
    view = {},
    connection: around = {},
  }: {
    vm?: VirtualMachineChange;
    desired?: Partial<ResolvedSpec>;
    row?: Partial<GuestView>;
    view?: Partial<Omit<View, 'guests'>>;
    connection?: Partial<Connection>;
  } = {}) => {
    const object = aVirtualMachine(vm);
    const whole: ResolvedSpec = {
      shape: shape(),
      graceSeconds: 60,
      owner: aMark(),
      deletionPolicy: 'Delete',
      image: { vmid: vmid(9000) },
      storage: undefined,
      host: undefined,
      pool: undefined,
      protection: undefined,
      hooks: undefined,
      besideOthers: false,
      conflict: undefined,
      grant: aGrant(),
      notGranted: [],
      ignored: [],
      ...desired,
      connection: {
        origin: 'https://pve:8006',
        defaults: {},
        nodeSelector: [],
        ledger: createLedger(() => NOW),
        inventory: { view: () => aView({ nodes: [NODE, OTHER], ...view, guests: [aRow(row)] }) },
        ...around,
      } as unknown as Connection,
    };
    return restKey(object, whole, surroundingsNow(object, whole));
  };

  const versionOf = (node: string) => ({ versions: { releases: new Map([[nodeName(node), '8.4']]) } });

  test.each<[string, Parameters<typeof key>[0]]>([
    ['an edit of the spec', { vm: { ...VM, metadata: { generation: 2 } } }],
    ['another size', { desired: { shape: shape({ cpus: 3 }) } }],
    [
      'other user-data in a Secret',
      { desired: { shape: shape({ cloudInit: { userData: '#!', sshKeys: [] } }) } },
    ],
    ['another grace time', { desired: { graceSeconds: 61 } }],
    ['a field that has no effect now', { desired: { ignored: ['It.'] } }],
    ['another node', { row: { node: nodeName('pve-2') } }],
    ['another power state', { row: { status: 'stopped' } }],
    ['a lock', { row: { lock: 'backup' } }],
    ['another name', { row: { name: 'renamed' } }],
    ['becoming a template', { row: { template: true } }],
    ['other CPUs', { row: { maxcpu: 3 } }],
    ['other memory', { row: { maxmem: bytes(1) } }],
    ['another pool', { row: { pool: 'web' } }],
    ['another state of HA', { row: { hastate: 'error' } }],
    [
      'a storage of its node that is not available',
      { view: { storages: [aStorage('local-lvm', { status: 'unknown' })] } },
    ],
    [
      'a storage that is added to its node',
      { view: { storages: [aStorage(), isoStorage(), aStorage('fast')] } },
    ],
    [
      'other content of a storage',
      { view: { storages: [aStorage('local-lvm', { content: [] }), isoStorage()] } },
    ],
    ['nodes of the Provider that have other CPUs', { connection: { nodeSelector: ['pve-1'] } }],
    ['CPUs of its node', { view: { nodes: [{ ...NODE, cpus: 64 }, OTHER] } }],
    ['another storage for cloud-init images', { connection: { defaults: { isoStorage: 'nfs' } } }],
    ['another version of Proxmox VE on its node', { connection: versionOf('pve-1') }],
  ])('changes with %s', (_what, change) => {
    expect(key(change)).not.toBe(key());
  });

  test.each<[string, Parameters<typeof key>[0]]>([
    ['the endpoint of the cluster that is in use', { connection: { origin: 'https://pve-2:8006' } }],
    ['the time the guest runs', { row: { uptime: 999 } }],
    ['the size of its disk in the figures', { row: { maxdisk: bytes(1) } }],
    ['the memory that its node uses', { view: { nodes: [{ ...NODE, memoryUsed: bytes(40 * GiB) }, OTHER] } }],
    [
      'the space that a storage uses',
      { view: { storages: [aStorage('local-lvm', { used: bytes(1) }), isoStorage()] } },
    ],
    ['the time of the list', { view: { takenAt: 1, staleSince: 2 } }],
    ['tasks that run', { view: { activeTasks: [{ upid: UPID }] as unknown as View['activeTasks'] } }],
    [
      'a storage of another node',
      { view: { storages: [aStorage(), isoStorage(), aStorage('x', { node: 'pve-2' })] } },
    ],
    ['the version of Proxmox VE on another node', { connection: versionOf('pve-2') }],
    ['the place of new disks', { connection: { defaults: { vmIdRange: { start: 1, end: 2 } } } }],
    [
      'a new version of the object with the same spec',
      { vm: { ...VM, metadata: { resourceVersion: '99', labels: { a: 'b' } } } },
    ],
    [
      'fields of status other than number and task',
      { vm: { status: { vmid: vmid(101), ipAddresses: ['10.0.0.5'], phase: 'Running' } } },
    ],
  ])('does not change with %s', (_what, change) => {
    expect(key(change)).toBe(key());
  });

  test.each<[string, Parameters<typeof key>[0]]>([
    ['there is no number', { vm: {} }],
    ['the guest is not in the inventory', { vm: { status: { vmid: vmid(102) } } }],
    [
      'a task is under way',
      {
        vm: {
          status: {
            vmid: vmid(101),
            task: { upid: upid('UPID:x'), type: 'qmstart', startedAt: '2026-03-01T12:00:00Z' },
          },
        },
      },
    ],
    ['the object is being deleted', { desired: { shape: undefined } }],
  ])('is nothing while %s', (_what, change) => {
    expect(key(change)).toBeUndefined();
  });

  describe('of a guest that is to be on another node', () => {
    const elsewhere = { desired: { host: nodeName('pve-2') } };
    test.each<[string, Parameters<typeof key>[0]]>([
      ['that node going offline', { view: { nodes: [NODE, { ...OTHER, online: false }] } }],
      [
        'memory that no longer suffices there',
        { view: { nodes: [NODE, { ...OTHER, memoryUsed: OTHER.memory }] } },
      ],
      ['that node being excluded by the Provider', { connection: { nodeSelector: ['pve-1'] } }],
      [
        'a storage of that node',
        { view: { storages: [aStorage(), isoStorage(), aStorage('x', { node: 'pve-2' })] } },
      ],
    ])('changes with %s', (_what, change) => {
      expect(key({ ...elsewhere, ...change })).not.toBe(key(elsewhere));
    });

    test('does not change with memory that suffices all the same', () => {
      const nodes = [NODE, { ...OTHER, memoryUsed: bytes(20 * GiB) }];
      expect(key({ ...elsewhere, view: { nodes } })).toBe(key(elsewhere));
    });
  });

  test('holds no secret', () => {
    expect(key({ desired: { shape: shape({ cloudInit: { userData: 'SECRET', sshKeys: [] } }) } })).toMatch(
      /^[0-9a-f]{64}$/,
    );
  });
});
