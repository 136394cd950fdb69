import { describe, expect, test } from '@jest/globals';
import {
  hasLocalDisks,
  obstaclesInView,
  obstaclesToMove,
  reservationFor,
  hostPlacement,
} from '../../../../../controllers/virtualmachine/placement/relocation.ts';
import { bytes, GiB, nodeName } from '../../../../../src/lib/units.ts';
import { aGuest } from '../../../../builders/guests.ts';
import { aNode, aRow, aStorage, aView } from '../../../../builders/views.ts';

const PVE1 = nodeName('pve-1');
const PVE2 = nodeName('pve-2');
const desired = { host: PVE2, power: 'On', driftPolicy: 'Report', arrived: undefined } as const;
const running = aGuest({
  node: PVE1,
  running: true,
  state: 'running',
  config: { memory: '2048', boot: 'order=scsi0', scsi0: 'local-lvm:vm-101-disk-0,size=10G' },
});

describe('a VM with spec.placement.host', () => {
  test.each([
    ['is there already', { ...desired, host: PVE1 }, 'stays'],
    ['has none', { ...desired, host: undefined }, 'stays'],
    ['was never there', desired, 'elsewhere'],
    ['was moved away in Proxmox VE', { ...desired, arrived: PVE2 }, 'strayed'],
    [
      'was moved away, and drift is reverted',
      { ...desired, arrived: PVE2, driftPolicy: 'Revert' },
      'elsewhere',
    ],
    ['is to be stopped first', { ...desired, power: 'Off' }, 'later'],
  ] as const)('that %s', (_what, desired, is) => {
    expect(hostPlacement(desired, running)).toBe(is);
  });
});

const NOTHING = { memory: new Map<string, number>(), space: new Map<string, number>() };
const around = (change: Parameters<typeof aView>[0] = {}) => ({
  nodeSelector: [],
  promised: NOTHING,
  view: aView({
    nodes: [aNode('pve-1'), aNode('pve-2')],
    storages: [aStorage(), aStorage('local-lvm', { node: 'pve-2' })],
    guests: [aRow()],
    ...change,
  }),
});

describe('the obstacles on a node', () => {
  const full = aStorage('local-lvm', { node: 'pve-2', used: bytes(495 * GiB) });
  test.each([
    ['nothing', around(), []],
    ['it does not exist', around({ nodes: [aNode('pve-1')] }), ['the cluster has no node pve-2']],
    [
      'it is offline',
      around({ nodes: [aNode('pve-1'), aNode('pve-2', { online: false })] }),
      ['node pve-2 is offline'],
    ],
    [
      'HA empties it',
      around({ nodes: [aNode('pve-1'), aNode('pve-2', { hastate: 'maintenance' })] }),
      ['node pve-2 is in HA maintenance'],
    ],
    [
      'the Provider does not use it',
      { ...around(), nodeSelector: ['pve-1'] },
      ['node pve-2 is not in the node selector of the Provider'],
    ],
    [
      'it has no memory left',
      around({ nodes: [aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(63 * GiB) })] }),
      ['node pve-2 has 1 GiB of memory free, 2 GiB are needed'],
    ],
    [
      'others were promised its memory',
      { ...around(), promised: { ...NOTHING, memory: new Map([['pve-2', 47 * GiB]]) } },
      ['node pve-2 has 1 GiB of memory free, 2 GiB are needed'],
    ],
    ['it lacks the storage', around({ storages: [aStorage()] }), ['storage local-lvm is not on node pve-2']],
    [
      'its storage is not available',
      around({ storages: [aStorage(), aStorage('local-lvm', { node: 'pve-2', status: 'unknown' })] }),
      ['storage local-lvm is not available on node pve-2'],
    ],
    [
      'its storage is full',
      around({ storages: [aStorage(), full] }),
      ['storage local-lvm on node pve-2 has 5 GiB free, 10 GiB are needed'],
    ],
    [
      'nothing, as the storage is shared and nothing is copied',
      around({ storages: [aStorage('local-lvm', { shared: true }), { ...full, shared: true }] }),
      [],
    ],
  ])('%s', (_what, surroundings, obstacles) => {
    expect(obstaclesInView(PVE2, running, surroundings)).toEqual(obstacles);
  });

  test('a guest that is off needs no memory there yet', () => {
    const busy = around({ nodes: [aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(64 * GiB) })] });
    expect(obstaclesInView(PVE2, { ...running, running: false, state: 'stopped' }, busy)).toEqual([]);
  });
});

describe('what Proxmox VE says against a move', () => {
  const free = { localDisks: [], localResources: [], mappedResources: [], notAllowed: {} };
  test.each([
    ['nothing', free, []],
    [
      'its own cloud-init drive is created again',
      { ...free, localDisks: [{ volid: 'local-lvm:vm-101-cloudinit', cdrom: true }] },
      [],
    ],
    [
      'an image in a drive',
      { ...free, localDisks: [{ volid: 'local:iso/tools.iso', cdrom: true }] },
      [
        'local:iso/tools.iso in its CD drive is on local storage (eject it: remove its entry from spec.cdroms, or empty the drive in Proxmox VE)',
      ],
    ],
    ['a device', { ...free, localResources: ['hostpci0'] }, ['it uses devices of its node: hostpci0']],
    [
      'rules of HA',
      {
        ...free,
        notAllowed: {
          'pve-2': {
            storages: [],
            resources: ['gpu'],
            ha: [
              { sid: 'vm:101', cause: 'node-affinity' },
              { sid: 'vm:102', cause: 'resource-affinity' },
            ],
          },
        },
      },
      [
        'gpu is not mapped on node pve-2',
        'HA does not allow it on node pve-2 by a node affinity rule',
        'HA does not allow it on node pve-2 because of vm:102',
      ],
    ],
    [
      'nothing, as it concerns another node',
      { ...free, notAllowed: { 'pve-3': { storages: ['nfs'], resources: [], ha: [] } } },
      [],
    ],
  ])('%s', (_what, preconditions, obstacles) => {
    expect(obstaclesToMove(PVE2, preconditions, { running: true })).toEqual(obstacles);
  });

  test('a mapped device, while the VM runs: a VM that is off moves with it', () => {
    const mapped = { ...free, localResources: ['hostpci0'], mappedResources: ['hostpci0'] };
    expect(obstaclesToMove(PVE2, mapped, { running: true })).toEqual([
      'Proxmox VE moves no VM with hostpci0 while it runs (set spec.powerState to Off until it has moved)',
    ]);
    expect(obstaclesToMove(PVE2, mapped, { running: false })).toEqual([]);
    const both = { ...mapped, localResources: ['hostpci0', 'usb0'] };
    expect(obstaclesToMove(PVE2, both, { running: false })).toEqual(['it uses devices of its node: usb0']);
  });

  test('disks on local storage are copied, images in drives are not', () => {
    expect(hasLocalDisks({ ...free, localDisks: [{ volid: 'local-lvm:vm-101-disk-0', cdrom: false }] })).toBe(
      true,
    );
    expect(hasLocalDisks({ ...free, localDisks: [{ volid: 'local:iso/tools.iso', cdrom: true }] })).toBe(
      false,
    );
  });
});

test('room on the other node is promised for its memory and for the disks that are copied', () => {
  const { view } = around();
  expect(reservationFor(running, PVE2, { view, memory: 2 * GiB })).toEqual({
    vmid: running.vmid,
    node: PVE2,
    memory: 2 * GiB,
    space: new Map([['pve-2/local-lvm', 10 * GiB]]),
  });
});
