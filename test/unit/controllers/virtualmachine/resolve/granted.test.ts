/** What a VM of another namespace than that of the Provider may use: refused before it is there, reported afterwards. */
import { describe, expect, test } from '@jest/globals';
import type { ProviderSpec, VirtualMachine } from '../../../../../src/api/index.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createAdmissions } from '../../../../../controllers/virtualmachine/resolve/admissions.ts';
import { resolve, type ResolvePorts } from '../../../../../controllers/virtualmachine/resolve/resolve.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aClass, anImage, aProvider, aVirtualMachine, readerOf, UID } from '../../../../builders/objects.ts';
import { createDocumentReader } from '../../../../../src/cloudinit/index.ts';
import { aDigest } from '../../../../builders/guests.ts';
import { aRow, aView } from '../../../../builders/views.ts';
import { NO_NAMESPACES, type Namespaces } from '../../../../../controllers/shared/grants/namespaces.ts';

type Grant = Omit<NonNullable<ProviderSpec['grants']>[number], 'namespaces'>;
type Spec = Partial<VirtualMachine['spec']>;

const DEFAULTS = { pool: 'k8s', storage: 'ssd', vmIdRange: { start: vmid(100), end: vmid(199) } };
const providerRef = { name: 'pve', namespace: 'infra' };

function resolving(
  grant: Grant | 'not admitted',
  vm: Parameters<typeof aVirtualMachine>[0] = {},
  { namespaces = NO_NAMESPACES, selects }: { namespaces?: Namespaces; selects?: true } = {},
) {
  const admits = selects ? { selector: { matchLabels: { team: 'a' } } } : { names: ['default'] };
  const grants = grant === 'not admitted' ? [] : [{ namespaces: admits, ...grant }];
  const connection = {
    identity: { name: 'homelab', nodes: ['pve-1'] },
    nodeSelector: ['pve-1', 'pve-2'],
    defaults: DEFAULTS,
    inventory: { view: () => aView({ guests: [aRow({ vmid: vmid(150), pool: 'orphans' })] }) },
  } as unknown as Connection;
  const ports: ResolvePorts = {
    clusterId: 'cluster-1',
    providers: readerOf(aProvider({ grants }, { namespace: 'infra' })),
    classes: readerOf(aClass()),
    policies: readerOf(),
    images: readerOf(anImage(), anImage({ iso: 'local:iso/debian.iso' }, { name: 'debian' })),
    vms: readerOf(),
    snapshots: readerOf(),
    connections: { get: () => connection, isPending: () => false },
    finishing: { forDeletion: () => ({ kind: 'none' }) },
    readSecret: () => Promise.resolve(undefined),
    readDocuments: createDocumentReader({ now: () => 0 }),
    digest: aDigest,
    addressed: () => [],
    snapshotsOf: () => [],
    vmsOfProvider: () => [],
    deletionLog: { allow: () => undefined, recent: () => [] },
    now: () => 0,
    admissions: createAdmissions(() => 0),
    namespaces,
  };
  return resolve(aVirtualMachine({ ...vm, spec: { providerRef, ...vm.spec } }), ports);
}

const resolvedOf = async (...args: Parameters<typeof resolving>) => {
  const resolved = await resolving(...args);
  if (!resolved.ok) throw new Error(resolved.message);
  return resolved.resolved;
};

/** As it was made: a disk, a network and its data. */
const MADE: VirtualMachine['status'] = {
  vmid: vmid(101),
  name: 'web',
  node: nodeName('pve-1'),
  internal: { uuid: UID },
  disks: [
    { name: 'root', device: 'scsi0', volume: 'ssd:vm-101-disk-0', storage: 'ssd', size: '10Gi' },
    { name: 'data', device: 'scsi1', volume: 'ssd:vm-101-disk-1', storage: 'ssd', size: '10Gi' },
  ],
  networks: [{ name: 'lan', device: 'net0', mac: '02:00:00:00:00:01', bridge: 'vmbr0' }],
  devices: [{ device: 'hostpci0', mapping: 'gpu' }],
};
const data = (size: number, change = {}) => [
  { name: 'data', size: bytes(size * GiB), storageClass: 'ssd', ...change },
];
const snippet = { userData: { cloudInit: { snippet: 'local:snippets/web.yaml' } } };
const imported = [{ name: 'data', importFrom: 'local:import/data.qcow2' }];

const CASES: readonly [field: string, spec: Spec, less: Grant, enough: Grant][] = [
  ['storages', { disks: data(10) }, { storages: ['hdd'] }, { storages: ['ssd'] }],
  ['bridges', { networks: [{ name: 'lan' }] }, { bridges: ['vmbr9'] }, { bridges: ['vmbr0'] }],
  ['pools', { placement: { pool: 'prod' } }, { pools: ['test'] }, { pools: ['test', 'prod'] }],
  ['deletionPolicies', {}, { deletionPolicies: ['Retain'] }, { deletionPolicies: ['Delete'] }],
  ['volumes', { disks: imported }, {}, { volumes: ['local:import/*'] }],
  ['snippets', snippet, {}, { snippets: ['local:snippets/web.yaml'] }],
  ['nodes', {}, { nodes: [nodeName('pve-2')] }, { nodes: [nodeName('pve-1')] }],
  ['devices', { devices: [{ pciMapping: 'gpu' }] }, { devices: ['nic'] }, { devices: ['gpu'] }],
];

describe.each(CASES)('%s', (field, spec, less, enough) => {
  test('are no obstacle where they are granted', async () => {
    expect((await resolvedOf(enough, { spec })).notGranted).toEqual([]);
    expect((await resolvedOf(enough, { spec, status: MADE })).notGranted).toEqual([]);
  });

  test('that are withdrawn leave a VM as it is, which is reported with whom to ask', async () => {
    const { notGranted, shape } = await resolvedOf(less, { spec, status: MADE });
    const sentence = expect.stringMatching(
      new RegExp(
        `may no longer\\. .* ask the owner of Provider infra/pve to grant it \\(spec.grants\\[\\]\\.${field}\\)`,
      ),
    );
    expect(notGranted).toContainEqual(sentence);
    expect(shape?.name).toBe('web');
  });
});

test.each<readonly [string, Spec, Grant, Grant]>([
  ...CASES.filter(([field]) => field !== 'nodes'),
  ['nodes', { placement: { host: nodeName('pve-1') } }, { nodes: [nodeName('pve-2')] }, {}],
  ['nodes', {}, { nodes: [nodeName('pve-9')] }, {}],
  ['vmIdRange', { vmid: vmid(150) }, { vmIdRange: { start: vmid(200), end: vmid(299) } }, {}],
])('%s that are not granted keep a VM from being created', async (field, spec, less) => {
  expect(await resolving(less, { spec })).toMatchObject({
    ok: false,
    reason: 'NotGranted',
    message: expect.stringContaining(`(spec.grants[].${field})`),
  });
});

describe('an edit of a VM that exists is refused where it needs more than is granted:', () => {
  const EDITS: readonly [
    string,
    Spec,
    Grant,
    { disks?: string[]; nics?: string[]; cloudInit?: boolean; devices?: boolean },
  ][] = [
    ['a disk that grows', { disks: data(20) }, { storages: ['hdd'] }, { disks: ['root', 'data'] }],
    [
      'a disk that moves',
      { disks: data(10, { storageClass: 'nvme' }) },
      { storages: ['ssd'] },
      { disks: ['data'] },
    ],
    [
      'another disk',
      { disks: [{ name: 'logs', importFrom: 'local:import/logs.qcow2' }] },
      {},
      { disks: ['logs'] },
    ],
    [
      'another device',
      { devices: [{ pciMapping: 'gpu' }, { usbMapping: 'dongle' }] },
      { devices: ['gpu'] },
      { devices: true },
    ],
    [
      'another bridge',
      { networks: [{ name: 'lan', bridge: 'vmbr9' }] },
      { bridges: ['vmbr0'] },
      { nics: ['lan'], cloudInit: true },
    ],
  ];

  test.each(EDITS)('%s, and this part is left as it is', async (_what, spec, grant, parts) => {
    const { shape, notGranted } = await resolvedOf(grant, {
      spec,
      status: { ...MADE, createdAt: '2026-03-01T12:00:00Z' },
    });
    const held = { disks: [], nics: [], cloudInit: false, ...parts };
    expect(shape?.held).toEqual({ ...held, disks: held.disks.filter((name) => name !== 'root') });
    expect(notGranted.join(' ')).toMatch(/may not, so it is left as it is\. Other changes take effect\./);
  });

  test.each(EDITS)('%s, and all of it while the VM is still being made', async (_what, spec, grant) => {
    const result = await resolving(grant, { spec, status: { ...MADE, cloneType: 'Full' } });
    expect(result).toMatchObject({ ok: false, reason: 'NotGranted' });
    // It can be switched off all the same.
    expect(result).toHaveProperty('bare');
    expect(result).not.toHaveProperty('unmade');
  });

  test('but not because a default changed that does not move the disk', async () => {
    const spec = { disks: [{ name: 'data', size: bytes(10 * GiB) }] };
    const disks = MADE.disks?.map((disk) => ({ ...disk, storage: 'hdd' }));
    expect(
      (await resolvedOf({ storages: ['hdd'] }, { spec, status: { ...MADE, disks } })).notGranted,
    ).toEqual([]);
  });

  test('an ISO image that is not granted is not put into a drive, and one that is there stays', async () => {
    const spec = { cdroms: [{ name: 'install', imageRef: { name: 'debian' } }] };
    const asked = await resolvedOf({}, { spec, status: MADE });
    expect(asked.shape?.held).toMatchObject({ cdroms: ['install'], cloudInit: false });
    expect(asked.notGranted[0]).toContain('may not, so it is left as it is');
    const cdroms = [{ name: 'install', device: 'ide0', volume: 'local:iso/debian.iso' }];
    const there = await resolvedOf({}, { spec, status: { ...MADE, cdroms } });
    expect(there.shape?.held).toBeUndefined();
    expect(there.notGranted[0]).toContain('may no longer');
    const granted = await resolvedOf({ volumes: ['local:iso/*'] }, { spec, status: MADE });
    expect(granted.notGranted).toEqual([]);
    expect(granted.shape?.cdroms).toEqual([{ name: 'install', volume: 'local:iso/debian.iso' }]);
  });

  test('and the data of a snippet that is not granted is not delivered', async () => {
    expect((await resolvedOf({}, { spec: snippet, status: MADE })).shape?.cloudInit).toBeUndefined();
  });
});

describe('a VM within the limits', () => {
  test('is placed on nodes that both the Provider and the grant name, with a VMID of the grant', async () => {
    const vmIdRange = { start: vmid(200), end: vmid(299) };
    const { connection } = await resolvedOf({ nodes: [nodeName('pve-2'), nodeName('pve-3')], vmIdRange });
    expect(connection.nodeSelector).toEqual(['pve-2']);
    expect(connection.defaults.vmIdRange).toEqual(vmIdRange);
    expect((await resolvedOf({})).connection).toMatchObject({
      nodeSelector: ['pve-1', 'pve-2'],
      defaults: DEFAULTS,
    });
  });

  test.each([
    [{}, 'k8s'],
    [{ pools: ['team', 'k8s'] }, 'k8s'],
    [{ pools: ['team', 'other'] }, 'team'],
  ])('that names no pool is, with %j, added to %s', async (grant, pool) => {
    expect((await resolvedOf(grant)).pool).toBe(pool);
  });

  test('may adopt the guests that are granted, and no others', async () => {
    const spec = { adopt: { vmid: vmid(150) } };
    expect((await resolvedOf({}, { spec })).shape?.adoptDenied).toBe(true);
    expect((await resolvedOf({ adopt: [{ pool: 'orphans' }] }, { spec })).shape?.adoptDenied).toBeUndefined();
    const unseen = { adopt: { vmid: vmid(151) } };
    expect((await resolvedOf({ adopt: [{ pool: 'orphans' }] }, { spec: unseen })).shape?.adoptDenied).toBe(
      true,
    );
  });
});

describe('a VM that is deleted', () => {
  const metadata = { deletionTimestamp: '2026-03-01T12:00:00Z' };

  test('is retained if its deletion policy is no longer granted', async () => {
    expect(
      (await resolvedOf({ deletionPolicies: ['Stop'] }, { metadata, status: MADE })).deletionPolicy,
    ).toBe('Retain');
    expect(
      (await resolvedOf({ deletionPolicies: ['Delete'] }, { metadata, status: MADE })).deletionPolicy,
    ).toBe('Delete');
  });

  test('never destroys what the Provider did not let it destroy before it withdrew the grant as a whole', async () => {
    const limited = await resolvedOf({ deletionPolicies: ['Retain', 'Stop'] }, { metadata, status: MADE });
    expect(limited).toMatchObject({ deletionPolicy: 'Retain', preserved: true });
    const recorded = { ...MADE, internal: { ...MADE.internal, preserved: true } };
    const after = await resolvedOf('not admitted', { metadata, status: recorded });
    expect(after).toMatchObject({ deletionPolicy: 'Retain', preserved: true });
  });

  test('removes the image that is left after its guest, although its namespace is no longer admitted', async () => {
    const status = { internal: { cloudInit: { mode: 'Image' as const, volume: 'local:iso/seed.iso' } } };
    expect((await resolving('not admitted', { metadata, status })).ok).toBe(true);
  });

  test('reaches its guest although the Provider no longer admits its namespace', async () => {
    expect((await resolvedOf('not admitted', { metadata, status: MADE })).deletionPolicy).toBe('Delete');
    expect(await resolving('not admitted', { status: MADE })).toMatchObject({
      ok: false,
      bare: { owner: { name: 'web' } },
    });
    expect(await resolving('not admitted', { metadata })).not.toHaveProperty('bare');
    expect(await resolving('not admitted', { metadata })).toMatchObject({ ok: false });
  });
});

describe('where the labels of a Namespace decide', () => {
  const labelled = (labels: ReturnType<Namespaces['labelsOf']>) => ({
    namespaces: { labelsOf: () => labels, mayBeRead: true },
    selects: true as const,
  });

  test('a VM is made with the label, and refused without', async () => {
    expect(await resolving({}, {}, labelled({ team: 'a' }))).toMatchObject({ ok: true });
    expect(await resolving({}, {}, labelled({ team: 'b' }))).toMatchObject({
      ok: false,
      reason: 'ReferenceNotAllowed',
      message: expect.stringMatching(
        /add namespace default to spec\.grants, by its name or by a selector of its labels, or to annotate it with virtrigaud.io\/allow-from: default/,
      ),
    });
  });

  test('a VM waits, is not refused, and deletes nothing, until they are known', async () => {
    const waits = { ok: false, reason: 'ProviderNotReady', early: true };
    const metadata = { deletionTimestamp: '2026-03-01T12:00:00Z' };
    const status = MADE;
    for (const vm of [{}, { status }, { status, metadata }, { metadata }]) {
      const result = await resolving({}, vm, labelled('unread'));
      expect(result).toMatchObject(waits);
      expect(result).not.toHaveProperty('bare');
    }
    // A Provider that is not there reads the same.
    const other = { spec: { providerRef: { name: 'other', namespace: 'infra' } } };
    expect(await resolving({}, other, labelled('unread'))).toMatchObject(waits);
  });

  test('a VM whose Namespace lost the label is only switched off or deleted', async () => {
    expect(await resolving({}, { status: MADE }, labelled({}))).toMatchObject({
      ok: false,
      reason: 'ReferenceNotAllowed',
      bare: { grant: { isWithdrawn: true } },
    });
  });

  test('the message asks for the name where Namespaces may not be read', async () => {
    expect(await resolving({}, {}, { namespaces: NO_NAMESPACES, selects: true })).toMatchObject({
      reason: 'ReferenceNotAllowed',
      message: expect.stringMatching(
        /by its name \(a selector admits nobody, because this operator watches single/,
      ),
    });
  });
});
