/** What counts, although spec or status cannot be read: another version of the operator wrote them, or a person. */
import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { createVmidAllocator } from '../../../../controllers/shared/cluster/vmids.ts';
import {
  Provider,
  VirtualMachine,
  type VirtualMachine as Vm,
  type VMImage,
} from '../../../../src/api/index.ts';
import { claimsOf } from '../../../../src/cmd/operator/claims.ts';
import { indexVms } from '../../../../src/cmd/operator/indexes.ts';
import { ObjectCache } from '../../../../src/kube/cache.ts';
import { parserOf } from '../../../../src/kube/parse.ts';
import { vmid } from '../../../../src/lib/units.ts';
import type { Pve } from '../../../../src/pve/index.ts';
import { aView } from '../../../builders/views.ts';

const CLUSTER = { name: 'homelab', nodes: ['pve-1'], providers: [] };
const ADDRESS = 'address 192.0.2.10';
const MAC = 'MAC address 02:00:00:00:00:01';

const SPEC = {
  providerRef: { name: 'pve', namespace: 'infra' },
  classRef: { name: 'small' },
  imageRef: { name: 'ubuntu' },
  powerState: 'On',
  deletionPolicy: 'Retain',
  placement: { host: 'pve-1' },
  networks: [
    { name: 'lan', bridge: 'vmbr0', staticIP: { address: '192.0.2.10/24', gateway: '192.0.2.1' } },
    { name: 'san', mac: '02:00:00:00:00:01' },
  ],
};
const STATUS = {
  phase: 'Running',
  message: 'It runs.',
  powerState: 'On',
  node: 'pve-1',
  vmid: 105,
  ipAddresses: ['192.0.2.10'],
  cpus: 2,
  disks: [{ name: 'root', device: 'scsi0', storage: 'local-lvm', size: '10Gi' }],
  networks: [{ name: 'lan', device: 'net0', mac: '02:00:00:00:00:02' }],
  task: { upid: 'UPID:pve-1:1:2:3:qmstart:105:root@pam:', type: 'Start', startedAt: '2026-01-01T00:00:00Z' },
  failure: { step: 'Start', message: 'no', attempts: 1, at: '2026-01-01T00:00:00Z', generation: 1 },
  placement: { template: 9000, node: 'pve-1' },
  observedGeneration: 1,
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Reconciled',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
  internal: {
    claimedAt: '2026-01-01T00:00:00Z',
    uuid: 'u',
    restart: { cause: 'Requested', of: 'x', at: 'y' },
  },
};

const metadata = (name: string, namespace = 'team') => ({
  name,
  namespace,
  uid: `uid-${name}`,
  resourceVersion: '1',
  generation: 1,
});

/** Caches and indexes of a process that has just started and read these objects. */
function afterStart(vm: object, provider: object = { spec: { type: 'proxmox' } }) {
  const caches = {
    VirtualMachine: new ObjectCache<Vm>(),
    Provider: new ObjectCache<Provider>(),
  };
  const indexes = indexVms(caches.VirtualMachine);
  caches.Provider.put(parserOf(Provider)({ metadata: metadata('pve', 'infra'), ...provider }));
  caches.VirtualMachine.put(parserOf(VirtualMachine)({ metadata: metadata('web'), ...vm }));
  const watches = {
    VirtualMachine: { cache: caches.VirtualMachine },
    Provider: { cache: caches.Provider },
    VMImage: { cache: new ObjectCache<VMImage>() },
  };
  const names = (found: readonly { readonly metadata: { readonly name: string } }[]) =>
    found.map(({ metadata: { name } }) => name);
  return {
    claimed: claimsOf(watches)(CLUSTER),
    usersOf: (kind: 'Provider' | 'VMClass' | 'VMImage', key: string) => names(indexes.mayUse(kind, key)),
    havingAddress: (value: string) => names(indexes.exclusive.objects(value)),
    entry: caches.VirtualMachine.entry('team/web')!,
  };
}

type Path = readonly (string | number)[];

/** Every field, at any depth. */
const pathsIn = (value: unknown, at: Path = []): readonly Path[] => [
  ...(at.length > 0 ? [at] : []),
  ...(Array.isArray(value)
    ? value.flatMap((item, index) => pathsIn(item, [...at, index]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, member]) => pathsIn(member, [...at, name]))
      : []),
];

/** Absent: the field is missing. */
function withField<T extends object>(value: T, path: Path, field: unknown): T {
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const [last] = path.slice(-1) as [string | number];
  let inner = copy;
  for (const step of path.slice(0, -1)) inner = inner[step] as typeof copy;
  inner[last] = field;
  return JSON.parse(JSON.stringify(copy)) as T;
}

const anything = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.constant('Hibernating'), fc.nat());
const RUNS = { numRuns: 400 };

describe('a VM whose status another version wrote', () => {
  test('counts with VMID, references and addresses, whichever field cannot be read', () => {
    const paths = pathsIn(STATUS).filter(([first]) => first !== 'vmid');
    fc.assert(
      fc.property(fc.constantFrom(...paths), anything, (path, field) => {
        const { claimed, usersOf, havingAddress } = afterStart({
          spec: SPEC,
          status: withField(STATUS, path, field),
        });
        expect([...claimed]).toEqual([105]);
        expect(usersOf('Provider', 'infra/pve')).toEqual(['web']);
        expect(usersOf('VMClass', 'team/small')).toEqual(['web']);
        expect(usersOf('VMImage', 'team/ubuntu')).toEqual(['web']);
        expect(havingAddress(ADDRESS)).toEqual(['web']);
        expect(havingAddress(MAC)).toEqual(['web']);
      }),
      RUNS,
    );
  });

  test('keeps its VMID where the number has become text', () => {
    expect([...afterStart({ spec: SPEC, status: { ...STATUS, vmid: '105' } }).claimed]).toEqual([105]);
  });

  test('does not lose its VMID to another VM', async () => {
    const { claimed } = afterStart({ spec: SPEC, status: { ...STATUS, task: { upid: 7 } } });
    const pve = { cluster: { nextid: (n = 105) => Promise.resolve({ free: true, vmid: vmid(n) }) } };
    const vmids = createVmidAllocator(() => claimed, Date.now);
    expect(await vmids.reserve(pve as unknown as Pve, aView())).toBe(106);
  });
});

describe('a VM whose spec was written for a newer CRD', () => {
  const REFERENCES = { providerRef: 'Provider', classRef: 'VMClass', imageRef: 'VMImage' } as const;
  const KEYS = { Provider: 'infra/pve', VMClass: 'team/small', VMImage: 'team/ubuntu' } as const;

  test('counts with its VMID, and with whatever the unreadable field does not say', () => {
    fc.assert(
      fc.property(fc.constantFrom(...pathsIn(SPEC)), anything, (path, field) => {
        const { claimed, usersOf, havingAddress } = afterStart({
          spec: withField(SPEC, path, field),
          status: STATUS,
        });
        expect([...claimed]).toEqual([105]);
        for (const [name, kind] of Object.entries(REFERENCES))
          if (path[0] !== name) expect(usersOf(kind, KEYS[kind])).toEqual(['web']);
        if (path[0] !== 'networks') expect(havingAddress(ADDRESS)).toEqual(['web']);
        if (path[0] === 'networks' && path[1] === 0) expect(havingAddress(MAC)).toEqual(['web']);
      }),
      RUNS,
    );
  });

  test.each(['pve', { name: 7 }, { name: 'pve', namespace: 7 }, { cluster: 'pve' }, undefined])(
    'keeps every Provider that it may be on from being deleted, where its reference is %j',
    (providerRef) => {
      const { usersOf, entry } = afterStart({ spec: { ...SPEC, providerRef }, status: STATUS });
      expect(usersOf('Provider', 'infra/pve')).toEqual(['web']);
      expect(usersOf('Provider', 'team/pve')).toEqual(['web']);
      // Its guest would be looked for on another Provider, and not be found there.
      expect(entry.salvaged).toBeUndefined();
    },
  );

  test('keeps nothing from being deleted where it has no VMID', () => {
    expect(afterStart({ spec: { ...SPEC, providerRef: 7 } }).usersOf('Provider', 'infra/pve')).toEqual([]);
  });
});

test('VMIDs count where the Provider of their VM cannot be read', () => {
  const vm = { spec: SPEC, status: STATUS };
  const other = { status: { clusterID: 'elsewhere/pve-9' } };
  expect([...afterStart(vm, { spec: { type: 'proxmox' }, ...other }).claimed]).toEqual([]);
  expect([...afterStart(vm, { spec: { type: 'proxmox' }, status: { clusterID: 7 } }).claimed]).toEqual([105]);
  expect([...afterStart(vm, { spec: { type: 'vsphere' } }).claimed]).toEqual([105]);
});

test('a grant whose limits cannot be read grants nothing: without them it would grant more', () => {
  const grants = [{ namespaces: { names: ['team'] }, storages: 'all of them' }];
  const { partial } = parserOf(Provider)({
    metadata: metadata('pve', 'infra'),
    spec: { type: 'proxmox', grants },
  });
  expect(partial.spec).toEqual({ type: 'proxmox' });
});
