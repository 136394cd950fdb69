import { describe, expect, test } from '@jest/globals';
import { ALLOW_FROM, type Provider } from '../../../../../src/api/index.ts';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import type { Connection, Finishing } from '../../../../../controllers/shared/cluster/connections.ts';
import { digestsOf } from '../../../../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import { dataProblem } from '../../../../../controllers/virtualmachine/cloud-init/validate.ts';
import { resolve, type ResolvePorts } from '../../../../../controllers/virtualmachine/resolve/resolve.ts';
import { createAdmissions } from '../../../../../controllers/virtualmachine/resolve/admissions.ts';
import type { ResolvedSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { createDocumentReader } from '../../../../../src/cloudinit/index.ts';
import { bytes, GiB, seconds, vmid } from '../../../../../src/lib/units.ts';
import { aDigest, aMark } from '../../../../builders/guests.ts';
import {
  aClass,
  aDownload,
  anImage,
  aProvider,
  aVirtualMachine,
  readerOf,
  UID,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';
import { aStorage, aView } from '../../../../builders/views.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';

const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  seed: {
    userdata: '#cloud-config\n',
    other: '#!/bin/sh\n',
    'ssh-publickey': '# mine\nssh-ed25519 AAAA a\n\n ssh-rsa BBBB b \n',
  },
};
const inventory = {
  view: () =>
    aView({
      storages: [
        aStorage('local-lvm'),
        aStorage('sas', { type: 'lvm' }),
        aStorage('tank', { type: 'zfspool' }),
      ],
    }),
};
const connection = (change: Partial<Connection> = {}) =>
  ({
    origin: 'https://pve:8006',
    identity: { name: 'homelab', nodes: ['pve-1'] },
    defaults: {},
    nodeSelector: [],
    inventory,
    ...change,
  }) as unknown as Connection;
const ports = (change: Partial<ResolvePorts> = {}): ResolvePorts => ({
  clusterId: 'cluster-1',
  providers: readerOf(aProvider()),
  classes: readerOf(aClass()),
  policies: readerOf(),
  images: readerOf(anImage()),
  vms: readerOf(),
  snapshots: readerOf(),
  connections: { get: () => connection(), isPending: () => false },
  finishing: { forDeletion: () => ({ kind: 'none' }) },
  readSecret: (_namespace, name) => Promise.resolve(SECRETS[name] && { values: SECRETS[name] }),
  readDocuments: createDocumentReader({ now: () => 0, patienceMs: 60_000 }),
  digest: aDigest,
  addressed: () => [],
  snapshotsOf: () => [],
  vmsOfProvider: () => [],
  deletionLog: { allow: () => undefined, recent: () => [] },
  now: () => 0,
  admissions: createAdmissions(() => 0),
  namespaces: NO_NAMESPACES,
  ...change,
});
async function resolvedSpecOf(
  vm: VirtualMachineChange = {},
  change: Partial<ResolvePorts> = {},
): Promise<ResolvedSpec> {
  const resolved = await resolve(aVirtualMachine(vm), ports(change));
  if (!resolved.ok) throw new Error(resolved.message);
  return resolved.resolved;
}
const problem = async (vm: VirtualMachineChange, change: Partial<ResolvePorts> = {}) => {
  const resolved = await resolve(aVirtualMachine(vm), ports(change));
  return resolved.ok ? 'no problem' : resolved.reason;
};
const DELETED = { metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } };

describe('the desired state', () => {
  test('has a default for what the spec leaves out', async () => {
    expect(await resolvedSpecOf()).toMatchObject({
      graceSeconds: 60,
      owner: aMark(),
      image: { vmid: 9000 },
      shape: {
        name: 'web',
        cpus: 2,
        memory: 2 * GiB,
        power: 'On',
        nics: undefined,
        rootDisk: undefined,
        cloudInit: { userData: undefined, sshKeys: [] },
      },
      ignored: [],
    });
  });

  test('takes the storage from the disk, else the class, else the Provider', async () => {
    const disks = [{ name: 'root', size: bytes(GiB), storageClass: 'of-disk' }];
    const classes = readerOf(aClass({ storage: { class: 'of-class' } }));
    const connections = {
      get: () => connection({ defaults: { storage: 'of-provider' } }),
      isPending: () => false,
    };
    expect((await resolvedSpecOf({ spec: { disks } }, { classes, connections })).storage).toBe('of-disk');
    expect((await resolvedSpecOf({}, { classes, connections })).storage).toBe('of-class');
    expect((await resolvedSpecOf({}, { connections })).storage).toBe('of-provider');
    expect((await resolvedSpecOf()).storage).toBeUndefined();
  });

  test.each([
    ['uefi', 'ovmf'],
    ['ovmf', 'ovmf'],
    ['bios', 'seabios'],
    ['seabios', 'seabios'],
  ] as const)('calls the firmware %s %s', async (bios, expected) => {
    expect((await resolvedSpecOf({}, { classes: readerOf(aClass({ spec: { bios } })) })).shape?.bios).toBe(
      expected,
    );
  });

  test('rounds the grace time up to whole seconds', async () => {
    expect(
      (await resolvedSpecOf({ spec: { lifecycle: { gracefulShutdownTimeout: seconds(1.2) } } })).graceSeconds,
    ).toBe(2);
  });

  test.each([
    ['thin', 'local-lvm', 'no'],
    ['thick', 'local-lvm', 'a'],
    ['thin', 'sas', 'a'],
    ['thick', 'sas', 'no'],
    ['thin', 'tank', 'no'],
    ['thick', 'tank', 'a'],
    ['thick', 'unknown', 'no'],
    ['thick', undefined, 'no'],
  ] as const)(
    'of a class that wants %s disks on storage %s comes with %s word that this has no effect',
    async (type, storage, word) => {
      const wanted = storage === undefined ? { type } : { type, class: storage };
      const { ignored } = await resolvedSpecOf({}, { classes: readerOf(aClass({ storage: wanted })) });
      expect(ignored).toEqual(word === 'no' ? [] : [expect.stringContaining(`storage.type "${type}"`)]);
    },
  );

  test('comes with a word about several default gateways', async () => {
    const network = (name: string, gateway: string) => ({
      name,
      staticIP: { address: '192.0.2.9/24', gateway },
    });
    const networks = [network('lan', '192.0.2.1'), network('dmz', '192.0.2.2')];
    const { ignored } = await resolvedSpecOf({ spec: { networks } });
    expect(ignored).toEqual([expect.stringContaining('lan, dmz each have an IPv4 gateway')]);
  });

  test('has the disks besides the boot disk, on the storage of the class unless they name one', async () => {
    const disks = [
      { name: 'root', size: bytes(GiB), storageClass: 'fast', ssd: true },
      { name: 'data', size: bytes(GiB), storageClass: 'big', reclaimPolicy: 'Delete' as const },
      { name: 'logs', importFrom: 'local:import/logs.qcow2', limits: { readIOPS: 100 } },
    ];
    const classes = readerOf(aClass({ storage: { class: 'of-class' } }));
    const { shape } = await resolvedSpecOf({ spec: { disks } }, { classes });
    expect(shape).toMatchObject({
      rootDisk: GiB,
      root: { storageClass: 'fast', options: { ssd: true } },
      disks: [
        { name: 'data', size: GiB, storage: 'big', storageClass: 'big', reclaimPolicy: 'Delete' },
        {
          name: 'logs',
          storage: 'of-class',
          importFrom: 'local:import/logs.qcow2',
          options: { limits: { readIOPS: 100 } },
          reclaimPolicy: 'Detach',
        },
      ],
    });
    expect((await resolvedSpecOf()).shape).not.toHaveProperty('disks');
  });

  test('takes user-data and keys from Secrets, without comments and blank lines', async () => {
    const { shape } = await resolvedSpecOf({
      spec: { userData: { cloudInit: { secretRef: { name: 'seed' } } }, sshKeysSecretRef: { name: 'seed' } },
    });
    expect(shape?.cloudInit).toEqual({
      userData: '#cloud-config\n',
      sshKeys: ['ssh-ed25519 AAAA a', 'ssh-rsa BBBB b'],
    });
    const other = await resolvedSpecOf({
      spec: { userData: { cloudInit: { secretRef: { name: 'seed', key: 'other' } } } },
    });
    expect(other.shape?.cloudInit?.userData).toBe('#!/bin/sh\n');
  });
});

describe('user-data', () => {
  const withText = (inline: string, others: object = {}): VirtualMachineChange => ({
    spec: { userData: { cloudInit: { inline, ...others } } },
  });

  test.each<[string, VirtualMachineChange, string]>([
    ['of no known format', withText('packages: [nginx]\n'), 'CloudInitInvalid'],
    ['with a mistake in its YAML', withText('#cloud-config\na: [\n'), 'CloudInitInvalid'],
    ['that is not Base64 as it says', withText('#!/bin/sh\n', { format: 'Base64' }), 'CloudInitInvalid'],
    [
      'that is a Butane file instead of Ignition',
      { spec: { userData: { ignition: { inline: 'variant: fcos' } } } },
      'IgnitionInvalid',
    ],
    [
      'for Talos with SSH keys',
      {
        spec: {
          userData: { cloudInit: { inline: '#!talos\nversion: v1alpha1\n' } },
          sshKeysSecretRef: { name: 'seed' },
        },
      },
      'CloudInitInvalid',
    ],
    [
      'with invalid meta-data',
      { spec: { metaData: { cloudInit: { inline: '- a\n' } } } },
      'CloudInitInvalid',
    ],
    ['with invalid network data', { spec: { networkData: { inline: 'x: 1\n' } } }, 'CloudInitInvalid'],
  ])(
    '%s is refused where a guest is to be made, and once it has a VMID nowhere else',
    async (_what, vm, reason) => {
      expect(await problem(vm)).toBe(reason);
      const { shape } = await resolvedSpecOf({ ...vm, status: { vmid: vmid(101) } });
      expect(dataProblem(shape!, [{ ostype: 'l26' }])?.reason).toBe(reason);
    },
  );

  test('that is an Ignition configuration is treated as one, wherever it stands', async () => {
    const inline = '{"ignition": {"version": "3.4.0"}}';
    const { shape } = await resolvedSpecOf(withText(inline));
    expect(shape?.cloudInit).toMatchObject({ userData: undefined, ignition: inline });
  });

  test('has the format that the spec names', async () => {
    const { shape } = await resolvedSpecOf(withText('set x\n', { format: 'Raw' }));
    expect(shape?.cloudInit).toMatchObject({ userData: 'set x\n', userDataFormat: 'Raw' });
  });

  test.each([
    [undefined, 'Binary'],
    ['Raw', 'Base64'],
  ] as const)('of a Secret that is no text keeps its bytes (format %s)', async (format, userDataFormat) => {
    const base64 = Buffer.from([0x1f, 0x8b, 0x08]).toString('base64');
    const readSecret = () =>
      Promise.resolve({ values: { userdata: '\x1f\uFFFD\x08' }, binary: { userdata: base64 } });
    const { shape } = await resolvedSpecOf(
      { spec: { userData: { cloudInit: { secretRef: { name: 'gz' }, ...(format && { format }) } } } },
      { readSecret },
    );
    expect(shape?.cloudInit).toMatchObject({ userData: base64, userDataFormat });
  });
});

describe('what is missing is named:', () => {
  test.each<[string, VirtualMachineChange, Partial<ResolvePorts>]>([
    ['ProviderNotFound', {}, { providers: readerOf() }],
    ['ProviderNotReady', {}, { connections: { get: () => undefined, isPending: () => false } }],
    ['ClassNotFound', {}, { classes: readerOf() }],
    ['ImageNotFound', {}, { images: readerOf() }],
    ['SecretNotFound', { spec: { sshKeysSecretRef: { name: 'nope' } } }, {}],
    ['SecretKeyNotFound', { spec: { sshKeysSecretRef: { name: 'seed', key: 'nope' } } }, {}],
    ['NetworkUnknown', { spec: { networks: [{ name: 'storage' }] } }, {}],
    [
      'ReferenceNotAllowed',
      { spec: { classRef: { name: 'small', namespace: 'shared' } } },
      { classes: readerOf(aClass({}, { namespace: 'shared' })) },
    ],
  ])('%s', async (reason, vm, change) => {
    expect(await problem(vm, change)).toBe(reason);
  });

  test('a key of a Secret, with the keys that there are, and no values', async () => {
    const vm = { spec: { sshKeysSecretRef: { name: 'seed', key: 'ssh_publickey' } } };
    const values = { 'ssh-publickey': 'hush', userdata: 'hush' };
    const resolved = await resolve(
      aVirtualMachine(vm),
      ports({ readSecret: () => Promise.resolve({ values }) }),
    );
    expect(resolved).toMatchObject({
      message:
        'Secret default/seed has no key "ssh_publickey"; it has ssh-publickey, userdata. Add it, or name another in secretRef.key; reconciliation resumes by itself.',
    });
    expect(JSON.stringify(resolved)).not.toContain('hush');
  });

  describe('all of it at once, in one message:', () => {
    const TYPOS: VirtualMachineChange['spec'] = {
      providerRef: { name: 'pvee' },
      classRef: { name: 'smal' },
      imageRef: { name: 'ubunto' },
      userData: { cloudInit: { secretRef: { name: 'sead' } } },
      metaData: { cloudInit: { secretRef: { name: 'seed', key: 'metta' } } },
      networkData: { secretRef: { name: 'sead' } },
      networks: [{ name: 'storage' }, { name: 'backup' }],
      sshKeysSecretRef: { name: 'keyz' },
    };
    const found = async (change: VirtualMachineChange, more: Partial<ResolvePorts> = {}) => {
      const resolved = await resolve(aVirtualMachine({ spec: TYPOS, ...change }), ports(more));
      return resolved.ok ? { message: '' } : resolved;
    };

    test('every reference that leads nowhere, with the reason of the first', async () => {
      const { message, ...rest } = await found({});
      expect(rest).toMatchObject({ reason: 'ProviderNotFound' });
      for (const part of [
        'Provider default/pvee not found',
        'VMClass default/smal not found',
        'VMImage default/ubunto not found',
        'Secret default/sead not found',
        'Secret default/seed has no key "metta"',
        'Secret default/keyz not found',
      ])
        expect(message.split(part)).toHaveLength(2);
    });

    test('networks as well, once the Provider says which bridge the others have', async () => {
      const { message, ...rest } = await found({ spec: { ...TYPOS, providerRef: { name: 'pve' } } });
      // The others may end without an edit, this one does not.
      expect(rest).toMatchObject({ reason: 'NetworkUnknown' });
      expect(message).toMatch(/"storage".*"backup"/);
      expect(message).toContain('default/keyz');
    });

    test('but of a Provider that is silent only that, so that all its VMs say the same', async () => {
      const silent = connection({ inventory: { view: () => aView({ staleSince: 7 }) } as never });
      const spec = { ...TYPOS, providerRef: { name: 'pve' } };
      const { message } = await found(
        { spec },
        { connections: { get: () => silent, isPending: () => false } },
      );
      expect(message).not.toContain('smal');
    });

    test('and not what a guest that was made needs no more', async () => {
      const status = { name: 'web', vmid: vmid(101), internal: { uuid: UID } };
      const { message } = await found({ status, spec: { ...TYPOS, networks: undefined } });
      expect(message).toContain('VMClass default/smal');
      expect(message).not.toMatch(/VMImage|Secret/);
    });

    test('also where a Secret cannot be read', async () => {
      const { message } = await found({}, { readSecret: () => Promise.reject(new Error('forbidden')) });
      expect(message).toMatch(/pvee.*smal.*ubunto/);
      const { providerRef: _p, classRef: _c, imageRef: _i, networks: _n, ...spec } = TYPOS;
      await expect(
        found({ spec }, { readSecret: () => Promise.reject(new Error('forbidden')) }),
      ).rejects.toThrow('forbidden');
    });
  });

  test('but not an image that a guest was already made from', async () => {
    const resolved = await resolvedSpecOf(
      { status: { name: 'web', vmid: vmid(101) } },
      { images: readerOf() },
    );
    expect(resolved.image).toBeUndefined();
  });

  test('nor a Secret that a guest has read at its first boot', async () => {
    const spec = { sshKeysSecretRef: { name: 'nope' } };
    expect(await problem({ spec, status: { name: 'web' } })).toBe('SecretNotFound');
    const resolved = await resolvedSpecOf({ spec, status: { name: 'web', internal: { uuid: UID } } });
    expect(resolved.shape).toMatchObject({ name: 'web', cloudInit: undefined });
  });

  test('and for a deletion only the Provider counts', async () => {
    const nothing = {
      classes: readerOf(),
      images: readerOf(),
      readSecret: () => Promise.resolve(undefined),
    } as Partial<ResolvePorts>;
    const resolved = await resolvedSpecOf(
      { ...DELETED, spec: { networks: [{ name: 'storage' }], sshKeysSecretRef: { name: 'nope' } } },
      nothing,
    );
    expect(resolved).toMatchObject({ shape: undefined, owner: aMark() });
    expect(await problem(DELETED, { ...nothing, providers: readerOf() })).toBe('ProviderNotFound');
  });

  test('a Provider of another namespace that is not ready, but not what its own condition says', async () => {
    const message = 'Secret shared/pve-credentials not found.';
    const condition = { type: 'Ready', status: 'False' as const, reason: 'SecretNotFound', message };
    const said = async (namespace: string): Promise<string> => {
      const annotations = { [ALLOW_FROM]: 'default' };
      const status = { conditions: [{ ...condition, lastTransitionTime: '2026-03-01T12:00:00Z' }] };
      const provider = aProvider({}, { namespace, annotations }, status);
      const resolved = await resolve(
        aVirtualMachine({ spec: { providerRef: { name: 'pve', namespace } } }),
        ports({
          providers: readerOf(provider),
          connections: { get: () => undefined, isPending: () => false },
        }),
      );
      return resolved.ok ? '' : resolved.message;
    };
    expect(await said('default')).toContain(message);
    expect(await said('shared')).toContain('not ready (SecretNotFound)');
    expect(await said('shared')).not.toContain('pve-credentials');
  });

  test('a Provider of another namespace is used where it allows it', async () => {
    const spec = { providerRef: { name: 'pve', namespace: 'shared' } };
    expect(await problem({ spec }, { providers: readerOf(aProvider({}, { namespace: 'shared' })) })).toBe(
      'ReferenceNotAllowed',
    );
    expect(
      await problem(
        { spec },
        {
          providers: readerOf(
            aProvider({}, { namespace: 'shared', annotations: { [ALLOW_FROM]: 'default' } }),
          ),
        },
      ),
    ).toBe('no problem');
  });
});

describe('a VM whose Provider cannot be read', () => {
  const unreadable = { get: () => undefined, partial: () => aProvider(), list: () => [] };

  test('is deleted over the connection that is there, and changed in no other way', async () => {
    const status = { vmid: vmid(101) };
    const world = { providers: unreadable };
    expect(await resolvedSpecOf({ ...DELETED, status }, world)).toMatchObject({ shape: undefined });
    expect(await resolve(aVirtualMachine({ status }), ports(world))).toMatchObject({
      ok: false,
      message: expect.stringContaining('cannot be read'),
    });
  });
});

describe('a VM that is being deleted although its Provider has no connection', () => {
  const none = { get: () => undefined, isPending: () => false };
  const gone = { providers: readerOf<Provider>(), connections: none };
  const withdrawn = { connections: none };

  test.each([gone, withdrawn])('is removed over the connection that is left for deletions', async (world) => {
    const finishing = { forDeletion: () => ({ kind: 'open', connection: connection() }) as const };
    expect(await resolvedSpecOf(DELETED, { ...world, finishing })).toMatchObject({ shape: undefined });
    expect(await problem({}, { ...world, finishing })).not.toBe('no problem');
  });

  test.each([gone, withdrawn])('waits while that is opened, and says why it cannot be', async (world) => {
    const resolveWith = (found: Finishing) =>
      resolve(aVirtualMachine(DELETED), ports({ ...world, finishing: { forDeletion: () => found } }));
    expect(await resolveWith({ kind: 'opening' })).toMatchObject({ early: true, reason: 'ProviderNotReady' });
    expect(await resolveWith({ kind: 'failed', message: 'no answer' })).toMatchObject({
      ok: false,
      message: expect.stringContaining('no answer'),
    });
  });

  test.each([
    ['has a guest', { vmid: vmid(101) }, 'ok'],
    ['merely names it', undefined, 'refused'],
  ])(
    'of another namespace, which is no longer admitted either, that %s is %s',
    async (_what, status, expected) => {
      const finishing = { forDeletion: () => ({ kind: 'open', connection: connection() }) as const };
      const spec = { providerRef: { name: 'pve', namespace: 'shared' } };
      const vm = aVirtualMachine({ ...DELETED, spec, status });
      const providers = readerOf(aProvider({}, { namespace: 'shared' }));
      const resolved = await resolve(vm, ports({ ...withdrawn, providers, finishing }));
      expect(resolved.ok ? 'ok' : 'refused').toBe(expected);
    },
  );

  test.each([
    ['has a guest', { vmid: vmid(101) }, 'ok'],
    ['merely names it', undefined, 'refused'],
  ])('of another namespace that %s is %s', async (_what, status, expected) => {
    const finishing = { forDeletion: () => ({ kind: 'open', connection: connection() }) as const };
    const spec = { providerRef: { name: 'pve', namespace: 'shared' } };
    const vm = aVirtualMachine({ ...DELETED, spec, status });
    const resolved = await resolve(vm, ports({ ...gone, finishing }));
    expect(resolved.ok ? 'ok' : 'refused').toBe(expected);
  });
});

describe('a long text', () => {
  const userData = `#cloud-config\nruncmd:\n${'- echo\n'.repeat(1000)}`;
  const spec = { userData: { cloudInit: { inline: userData } } };
  const refused = { userData: { problem: 'The user-data was not parsed.' } };

  test('is given to the decisions together with what was read of it', async () => {
    const asked: unknown[] = [];
    const { shape } = await resolvedSpecOf(
      { spec, status: { vmid: vmid(101) } },
      {
        readDocuments: (namespace, input) => {
          asked.push([namespace, input.userData]);
          return Promise.resolve(refused);
        },
      },
    );
    expect(asked).toEqual([['default', userData]]);
    expect(dataProblem(shape!, [{ ostype: 'l26' }])).toEqual({
      reason: 'CloudInitInvalid',
      message: 'The user-data was not parsed.',
    });
  });

  test('that has not been read yet delays its VM, also one that has read its data', async () => {
    const change = { readDocuments: () => Promise.resolve(undefined) };
    for (const status of [{}, { name: 'web', internal: { uuid: UID } }])
      expect(await resolve(aVirtualMachine({ spec, status }), ports(change))).toMatchObject({
        ok: false,
        reason: 'CloudInitQueued',
        early: true,
      });
  });

  test('is not read again for a guest that has it on its image', async () => {
    const { shape } = await resolvedSpecOf({ spec });
    const deliveredDigests = digestsOf({ ...shape!, cloudInit: shape!.cloudInit! }, aDigest);
    const made = { vmid: vmid(101), name: 'web', createdAt: '2026-01-01T00:00:00Z' };
    const status = { ...made, internal: { cloudInit: { mode: 'Image' as const, deliveredDigests } } };
    const nobody = { readDocuments: () => Promise.reject(new Error('it was read')) };
    expect((await resolvedSpecOf({ spec, status }, nobody)).shape?.cloudInit?.userData).toBe(userData);
    const other = { userData: { cloudInit: { inline: `${userData}- reboot\n` } } };
    await expect(resolvedSpecOf({ spec: other, status }, nobody)).rejects.toThrow('it was read');
  });
});

describe('images', () => {
  const images = readerOf(anImage(), anImage({ iso: 'local:iso/debian.iso' }, { name: 'debian' }));
  const installing = (name: string) => ({ cdroms: [{ name: 'install', imageRef: { name } }] });
  const made = { vmid: vmid(101), name: 'web', cloneType: 'Linked' } as const;

  const refusedAs = (vm: VirtualMachineChange) => resolve(aVirtualMachine(vm), ports({ images }));

  test('that are ISO images are for CD-ROM drives, and templates are to be cloned: otherwise it is said what to do', async () => {
    expect(await refusedAs({ spec: { imageRef: { name: 'debian' } } })).toMatchObject({
      reason: 'WrongImageType',
      message: expect.stringMatching(/spec.imageRef names VMImage default\/debian.*spec.cdroms/),
    });
    expect(await refusedAs({ spec: installing('ubuntu') })).toMatchObject({
      reason: 'WrongImageType',
      message: expect.stringMatching(/drive install.*default\/ubuntu, which is a template/),
    });
    expect(await refusedAs({ spec: installing('none') })).toMatchObject({ reason: 'ImageNotFound' });
    expect(await refusedAs({ spec: installing('debian') })).toMatchObject({ ok: true });
  });

  test('that are missing leave the drive of a VM that exists as it is, which is reported', async () => {
    const { refused, ignored, shape } = await resolvedSpecOf(
      { spec: installing('none'), status: made },
      { images },
    );
    expect(refused).toBeUndefined();
    expect(ignored).toEqual([expect.stringContaining('drive install of spec.cdroms is left as it is')]);
    expect(shape?.cdroms).toEqual([{ name: 'install' }]);
  });

  test('that are added to a VM without a template have no effect, which is reported', async () => {
    const { ignored } = await resolvedSpecOf({ status: { ...made, cloneType: 'None' } }, { images });
    expect(ignored).toEqual([expect.stringContaining('spec.imageRef has no effect')]);
    expect((await resolvedSpecOf({ status: made }, { images })).ignored).toEqual([]);
  });

  test.each<[string, VirtualMachineChange, boolean]>([
    ['without a source', { spec: { imageRef: undefined } }, true],
    ['with an image', {}, false],
    ['that adopts', { spec: { imageRef: undefined, adopt: { vmid: vmid(200) } } }, false],
    ['whose image was added later', { status: { ...made, cloneType: 'None' } }, true],
    ['that was cloned', { spec: { imageRef: undefined }, status: made }, false],
  ])('are what a VM %s is made of, or not', async (_what, vm, isWithout) => {
    expect((await resolvedSpecOf(vm, { images })).shape?.withoutTemplate === true).toBe(isWithout);
  });
});

describe('what needs no Proxmox VE is checked before a VMID is reserved', () => {
  const refusal = async (change: VirtualMachineChange, more: Partial<ResolvePorts> = {}) => {
    const resolved = await resolve(aVirtualMachine(change), ports(more));
    return resolved.ok ? (resolved.resolved.refused ?? { reason: 'none', message: '' }) : resolved;
  };
  const userData = { cloudInit: { inline: '#cloud-config\nusers: [' } };
  const label = 'a'.repeat(64);
  const maintenanceWindow = { schedule: '0 25 * * *', duration: seconds(3600) };
  const rebootPolicy = 'MaintenanceWindow' as const;

  test.each<[string, VirtualMachineChange, string, string]>([
    ['user-data', { spec: { userData } }, 'CloudInitInvalid', ''],
    ['a part of the host name', { metadata: { name: `web.${label}` } }, 'HostNameInvalid', label],
    ['cron', { spec: { rebootPolicy, maintenanceWindow } }, 'MaintenanceWindowInvalid', '0 25 * * *'],
    ['networks', { spec: { networks: [{ name: 'nowhere' }] } }, 'NetworkUnknown', '"nowhere"'],
  ])('%s', async (_what, change, reason, part) => {
    const found = await refusal(change);
    expect(found.reason).toBe(reason);
    expect(found.message).toContain(part);
  });

  test('the host name is that of the guest, where it has one of its own', async () => {
    const metadata = { name: `web.${label}` };
    expect((await refusal({ metadata, spec: { guestName: 'WEB-1' } })).reason).toBe('none');
    expect((await refusal({ spec: { guestName: label } })).reason).toBe('HostNameInvalid');
  });

  test('and all of it at once, also while something that it refers to is missing', async () => {
    const everything = { metadata: { name: label }, spec: { userData, rebootPolicy, maintenanceWindow } };
    for (const lacking of [
      { classes: readerOf() },
      { providers: readerOf() },
      { images: readerOf() },
    ] as const) {
      const { message, reason } = await refusal(everything, lacking as Partial<ResolvePorts>);
      for (const part of [label, '0 25 * * *', 'not found', 'user-data']) expect(message).toContain(part);
      expect(reason).toBe('HostNameInvalid');
    }
  });

  test('but not of a VM that has a VMID, or that is adopted', async () => {
    const spec = { userData, rebootPolicy, maintenanceWindow };
    expect((await refusal({ spec, status: { vmid: vmid(101) } })).reason).toBe('none');
    expect((await refusal({ spec: { ...spec, adopt: { vmid: vmid(101) } } })).reason).toBe('none');
  });

  test('data that one of the layouts can express waits for the template', async () => {
    const networkData = { inline: '{"links": [], "networks": []}' };
    expect((await refusal({ spec: { networkData } })).reason).toBe('none');
  });
});

describe('ISO images that are downloaded', () => {
  const cdroms = [{ name: 'install', imageRef: { name: 'ubuntu' } }];
  const url = 'https://images.example/debian.iso';
  const there = aDownload({ url }, { downloads: [{}] });
  const spec = { imageRef: undefined, cdroms } as const;
  const made = { vmid: vmid(101), name: 'web' } as const;

  test('are in the drive once they are there, in namespaces too that may use no other volume', async () => {
    const grants = [{ namespaces: { names: ['*'] } }];
    const providers = readerOf(aProvider({ grants }, { namespace: 'infra' }));
    const image = aDownload({ url }, { downloads: [{ provider: 'infra/pve' }] });
    const elsewhere = { ...spec, providerRef: { name: 'pve', namespace: 'infra' } };
    const resolved = await resolvedSpecOf({ spec: elsewhere }, { providers, images: readerOf(image) });
    expect(resolved.shape?.cdroms).toEqual([
      { name: 'install', volume: image.status?.downloads?.[0]?.volume, downloaded: true },
    ]);
    expect(resolved.refused).toBeUndefined();
  });

  test('are waited for by a new VM, unless something else is in its way', async () => {
    const images = readerOf(aDownload({ url }));
    expect(await problem({ spec }, { images })).toBe('ImageNotReady');
    const unread = { ...spec, userData: { cloudInit: { secretRef: { name: 'none' } } } };
    expect(await problem({ spec: { ...spec, classRef: { name: 'none' } } }, { images })).toBe(
      'ClassNotFound',
    );
    expect(await problem({ spec: unread }, { images })).toBe('SecretNotFound');
    const grants = [{ namespaces: { names: ['*'] }, quotas: { vms: 0 } }];
    const providers = readerOf(aProvider({ grants }, { namespace: 'infra' }));
    const full = { ...spec, providerRef: { name: 'pve', namespace: 'infra' } };
    expect(await problem({ spec: full }, { images, providers })).toBe('QuotaExceeded');
  });

  test('leave the drive of a VM that exists as it is until they are there, which is said', async () => {
    const resolved = await resolvedSpecOf({ spec, status: made }, { images: readerOf(aDownload({ url })) });
    expect(resolved.shape?.cdroms).toEqual([{ name: 'install' }]);
    expect(resolved.ignored.join()).toContain(
      'drive install of spec.cdroms is left as it is. VMImage default/ubuntu',
    );
  });

  test('are no template, and a downloaded template is no ISO image', async () => {
    expect(await problem({}, { images: readerOf(there) })).toBe('WrongImageType');
    expect(await problem({ spec }, { images: readerOf(aDownload()) })).toBe('WrongImageType');
  });
});

describe('a template that is downloaded', () => {
  const isIn = async (provider: string, change: Partial<ResolvePorts> = {}) => {
    const images = readerOf(aDownload({}, { templates: [{ provider }] }));
    const { image } = await resolvedSpecOf({}, { images, ...change });
    return image && 'made' in image && image.made.length > 0;
  };

  test('is used by the VMs of every Provider of its PVE cluster, and of no other', async () => {
    expect(await isIn('default/pve')).toBe(true);
    expect(await isIn('infra/pve')).toBe(true);
    const other = connection({ ledger: createLedger(() => 0) });
    const get = (namespace: string) => (namespace === 'infra' ? other : connection());
    expect(await isIn('infra/pve', { connections: { get, isPending: () => false } })).toBe(false);
  });
});
