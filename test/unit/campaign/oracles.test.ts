/** A judge that finds nothing is worth nothing: each oracle is shown what it has to find. */
import { expect, test } from '@jest/globals';
import { unexplained, unobserved, voiceless } from '../../campaign/oracles/explained.ts';
import { brokenIdentities, orphanedVolumes } from '../../campaign/oracles/identity.ts';
import { mebibytes } from '../../campaign/oracles/reading.ts';
import { uninvitedStops } from '../../campaign/oracles/stops.ts';
import type { Guest, KubeObject, World } from '../../campaign/world.ts';

const UID = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

const condition = (type: string, status: string) => ({
  type,
  status,
  reason: 'Because',
  message: 'a reason',
});
const READY = [condition('Ready', 'True'), condition('Synced', 'True')];

const object = (kind: string, name: string, more: Partial<KubeObject> = {}): KubeObject => ({
  kind,
  metadata: { name, uid: UID, resourceVersion: '1', generation: 1 },
  spec: {},
  status: { conditions: READY, observedGeneration: 1, vmid: 100 },
  ...more,
});
const spec = {
  classRef: { name: 'small' },
  networks: [{ name: 'lan', vlan: 20 }],
  disks: [{ name: 'root', size: '20Gi', ssd: true }],
  tags: ['a'],
};
const disks = [{ name: 'root', device: 'scsi0' }];
const vm = object('VirtualMachine', 'web', {
  spec,
  status: { conditions: READY, observedGeneration: 1, vmid: 100, disks },
});
const ofClass = object('VMClass', 'small', { spec: { cpus: 2, memory: '2Gi' } });

const guest: Guest = {
  vmid: 100,
  node: 'pve-1',
  status: 'running',
  config: {
    name: 'web',
    description: `text\nvirtrigaud: cluster/default/web/${UID}`,
    cores: '8',
    vcpus: '2',
    memory: '2048',
    tags: 'a;b',
    net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0,tag=20',
    scsi0: 'nvme:vm-100-disk-0,ssd=1,size=20G',
  },
  pending: {},
  pendingDelete: [],
};
const world = (guests: readonly Guest[], objects: readonly KubeObject[] = [vm, ofClass]): World => ({
  objects,
  pve: { guests: [...guests], tasks: [], volumes: [] },
});
const none = new Set<string>();

test('a guest that is as its spec says is no reason to complain', () => {
  expect(unexplained(world([guest]))).toEqual([]);
  expect(brokenIdentities(world([guest]), none)).toEqual([]);
});

test.each([
  ['cores', { vcpus: '1' }, 'class cpus'],
  ['memory', { memory: '1024' }, 'class memory'],
  ['name', { name: 'other' }, 'name'],
  ['tags', { tags: 'b' }, 'tags'],
  ['VLAN', { net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0' }, 'networks lan vlan'],
  ['bridge', { net0: 'virtio=02:00:00:00:00:01,bridge=vmbr1,tag=20' }, 'networks lan bridge'],
  ['disk size', { scsi0: 'nvme:vm-100-disk-0,ssd=1,size=10G' }, 'disks root size'],
  ['disk option', { scsi0: 'nvme:vm-100-disk-0,size=20G' }, 'disks root ssd'],
])('a wrong %s of a VM that says nothing of it is found', (_what, config, field) => {
  const [found, ...others] = unexplained(world([{ ...guest, config: { ...guest.config, ...config } }]));
  expect(found).toContain(`but ${field} is`);
  expect(others).toEqual([]);
});

test('a guest that is off although its VM is on is found', () => {
  expect(unexplained(world([{ ...guest, status: 'stopped' }]))).toHaveLength(1);
});

test('a difference that a condition explains is none', () => {
  const conditions = [condition('Ready', 'True'), condition('Synced', 'False')];
  const explained = { ...vm, status: { ...vm.status, conditions } };
  expect(unexplained(world([{ ...guest, status: 'stopped' }], [explained, ofClass]))).toEqual([]);
});

test('a second guest of an object is found', () => {
  expect(brokenIdentities(world([guest, { ...guest, vmid: 101 }]), none)).toHaveLength(1);
});

test('a guest of an object that is gone is found, unless it was to stay', () => {
  const lost = { ...guest, config: { description: `virtrigaud: cluster/default/gone/${OTHER}` }, vmid: 101 };
  expect(brokenIdentities(world([guest, lost]), none)).toHaveLength(1);
  expect(brokenIdentities(world([guest, lost]), new Set([OTHER]))).toEqual([]);
});

test('a VM that is Ready with the VMID of another guest is found', () => {
  expect(brokenIdentities(world([{ ...guest, vmid: 101 }]), none)).toHaveLength(1);
});

test('a volume without a guest is found', () => {
  const { pve, objects } = world([guest]);
  const volumes = [{ volid: 'nvme:vm-999-disk-0', vmid: 999 }];
  expect(orphanedVolumes({ objects, pve: { ...pve, volumes } })).toHaveLength(1);
});

test('a stop that nobody asked for is found', () => {
  const user = 'virtrigaud@pve!vrtg-token';
  const tasks = [{ upid: 'UPID:1', type: 'qmstop', id: '100', user }];
  const namesOf = () => ['web'];
  expect(uninvitedStops(tasks, { namesOf, isInvited: () => false })).toHaveLength(1);
  expect(uninvitedStops(tasks, { namesOf, isInvited: () => true })).toEqual([]);
  const byHand = tasks.map((task) => ({ ...task, user: 'root@pam' }));
  expect(uninvitedStops(byHand, { namesOf, isInvited: () => false })).toEqual([]);
});

test('a condition without a message, and a generation that no status is of, are found', () => {
  const silent = { ...condition('Ready', 'False'), message: ' ' };
  const unsaid = { ...vm, status: { ...vm.status, conditions: [silent], observedGeneration: 0 } };
  expect(voiceless(world([guest], [unsaid]))).toHaveLength(1);
  expect(unobserved(world([guest], [unsaid]))).toHaveLength(1);
});

test.each([
  ['2Gi', 2048],
  ['512Mi', 512],
  ['40G', 40960],
  ['1Ti', 1048576],
])('%s is %i MiB', (text, size) => {
  expect(mebibytes(text)).toBe(size);
});
