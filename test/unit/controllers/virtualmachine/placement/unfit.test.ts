/** What is known before anything is made: where a new VM could be made, but not brought up. */
import { describe, expect, test } from '@jest/globals';
import type { ClusterFacts } from '../../../../../controllers/virtualmachine/model/surroundings.ts';
import type { PlainSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { decideCreation } from '../../../../../controllers/virtualmachine/placement/creation.ts';
import type { Template } from '../../../../../controllers/shared/placement/place.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aMark, type Wanted } from '../../../../builders/guests.ts';
import { aGrant } from '../../../../builders/objects.ts';
import { aNode, aStorage, aTemplateRow, aView, isoStorage } from '../../../../builders/views.ts';

const NODES = ['pve-1', 'pve-2', 'pve-3'];
const SHARED = NODES.map((node) => aStorage('ceph', { node, shared: true, type: 'rbd' }));

const TEMPLATE: Template = {
  vmid: vmid(9000),
  node: nodeName('pve-1'),
  isTemplate: true,
  running: false,
  disks: [{ storage: 'ceph', size: bytes(10 * GiB), isRoot: true }],
  cdStorages: [],
  linkable: true,
};

interface Case {
  readonly want?: Partial<Wanted>;
  readonly host?: string;
  readonly storages?: readonly ReturnType<typeof aStorage>[];
  readonly isoStorage?: string;
  readonly template?: Partial<Template>;
  /** Of the boot disk. */
  readonly storage?: string;
  /** By node, the volumes that it does not have; absent: they have all. */
  readonly missing?: Readonly<Record<string, readonly string[]>>;
}

function decide({ want, host, storage, storages = [], isoStorage: iso, template, missing = {} }: Case) {
  const { creation: _creation, exists: _exists, ...shape } = aDesiredVm(want);
  const spec = {
    shape,
    owner: aMark(),
    grant: aGrant(),
    image: shape.withoutTemplate ? undefined : { vmid: vmid(9000) },
    storage,
    host: host === undefined ? undefined : nodeName(host),
  } as unknown as PlainSpec;
  const cluster: ClusterFacts = {
    view: aView({
      nodes: NODES.map((name) => aNode(name)),
      storages: [...SHARED, ...storages],
      guests: [aTemplateRow()],
    }),
    promised: { memory: new Map(), space: new Map() },
    nodeSelector: [],
    defaults: iso === undefined ? {} : { isoStorage: iso },
    timing: undefined,
  };
  const facts = {
    templates: new Map([[vmid(9000), { ...TEMPLATE, ...template }]]),
    bridges: new Map(),
    missingVolumes: new Map(NODES.map((name) => [nodeName(name), missing[name] ?? []])),
  };
  return decideCreation(spec, undefined, facts, cluster).creation;
}
const where = (some: Case): string => {
  const creation = decide(some);
  return creation.ok ? creation.node : creation.reason;
};
const whyNot = (some: Case): string => {
  const creation = decide(some);
  return creation.ok ? `placed on ${creation.node}` : creation.message;
};

const WITH_IMAGE = { cloudInit: { userData: '#cloud-config\npackages: [nginx]\n', sshKeys: [] } };
const WITHOUT_IMAGE = { cloudInit: { userData: '#cloud-config\nuser: jane\n', sshKeys: [] } };

describe('a VM that starts with a volume', () => {
  const snippet = 'local:snippets/web.yaml';
  const importFrom = 'local:import/data.qcow2';
  const WITH_SNIPPET = { cloudInit: { userData: undefined, snippet, sshKeys: [] } };
  const WITH_IMPORT = {
    disks: [{ name: 'data', importFrom, options: {}, reclaimPolicy: 'Detach' as const }],
  };
  const iso = 'local:iso/debian.iso';
  const WITH_CDROM = { cdroms: [{ name: 'install', volume: iso }] };
  const nowhere = (volume: string) => Object.fromEntries(NODES.map((name) => [name, [volume]]));

  test('is made where the volume is, although other nodes come first', () => {
    const missing = { 'pve-1': [snippet], 'pve-2': [snippet] };
    expect(where({ want: WITH_SNIPPET, missing })).toBe('pve-3');
    expect(where({ want: WITH_SNIPPET })).toBe('pve-1');
  });

  test.each([
    [WITH_SNIPPET, snippet, 'SnippetNotFound', 'correct spec.userData.cloudInit.snippet'],
    [WITH_IMPORT, importFrom, 'ImportNotFound', 'correct importFrom'],
    [WITH_CDROM, iso, 'IsoNotFound', 'or correct spec.source of the VMImage or spec.cdroms'],
  ])('is not made where no node has it', (want, volume, reason, remedy) => {
    const missing = nowhere(volume);
    expect(where({ want, missing })).toBe(reason);
    expect(whyNot({ want, missing })).toContain(`has no ${volume}`);
    expect(whyNot({ want, missing })).toContain(remedy);
  });
});

describe('a VM without a template', () => {
  const iso = 'local:iso/debian.iso';
  const want = {
    withoutTemplate: true,
    rootDisk: bytes(20 * GiB),
    cdroms: [{ name: 'install', volume: iso }],
  } as const;
  const lvm = (node: string, used: number) =>
    aStorage('san', { node, type: 'lvm', total: bytes(30 * GiB), used: bytes(used * GiB) });

  test('is made on a node with its storage and its image, and the choice says so', () => {
    expect(decide({ want, storage: 'ceph', missing: { 'pve-1': [iso] } })).toEqual({
      ok: true,
      node: 'pve-2',
      rootStorage: 'ceph',
    });
    expect(where({ want, storage: 'san', storages: [lvm('pve-3', 0)] })).toBe('pve-3');
  });

  test('is not made where its disk does not fit', () => {
    expect(whyNot({ want, storage: 'san', storages: [lvm('pve-3', 20)] })).toContain(
      'pve-3 (10 GiB of 30 GiB free): 20 GiB needed on storage san',
    );
    expect(whyNot({ want, storage: 'none' })).toContain('storage none does not exist');
  });

  test('is not made without a storage for its disk, and it is said where one can be named', () => {
    expect(where({ want })).toBe('StorageRequired');
    expect(whyNot({ want })).toContain('Set storageClass of the disk root');
  });

  test('is not made with data that cannot be delivered', () => {
    const invalid = { ...want, cloudInit: { userData: 'packages: [nginx]', sshKeys: [] } };
    expect(where({ want: invalid, storage: 'ceph' })).toBe('CloudInitInvalid');
  });
});

describe('a VM whose user-data requires an image', () => {
  const onPve3 = [isoStorage({ node: 'pve-3' })];

  test('is made where an image can be put, although other nodes come first', () => {
    expect(where({ want: WITH_IMAGE, storages: onPve3 })).toBe('pve-3');
    expect(where({ want: WITHOUT_IMAGE, storages: onPve3 })).toBe('pve-1');
    expect(where({ want: { cloudInit: undefined }, storages: onPve3 })).toBe('pve-1');
  });

  test('is not made where none can be put, and it is said what is missing', () => {
    expect(decide({ want: WITH_IMAGE, host: 'pve-2', storages: onPve3 })).toEqual({
      ok: false,
      reason: 'NoIsoStorage',
      message:
        'No node can take this VM (pve-2: no storage with content type "iso" is available for the user-data). ' +
        'Add "iso" to the content types of a storage of that node (pvesm set STORAGE --content …,iso), or set spec.defaults.isoStorage of the Provider to another storage.',
    });
  });

  test('is made where the storage is that the Provider names', () => {
    const two = [isoStorage({ node: 'pve-1' }), isoStorage({ node: 'pve-2' }, 'isos')];
    expect(where({ want: WITH_IMAGE, storages: two, isoStorage: 'isos' })).toBe('pve-2');
    expect(whyNot({ want: WITH_IMAGE, storages: two, isoStorage: 'isos', host: 'pve-1' })).toContain(
      'pve-1: storage isos with content type "iso" is not available for the user-data',
    );
  });

  test('is refused for what else is missing where the storage is not all', () => {
    const big = { ...WITH_IMAGE, cpus: 64 };
    expect(where({ want: big, storages: onPve3 })).toBe('NoEligibleNode');
  });
});

describe('a VM that starts with a volume', () => {
  const files = (node: string, change: object = {}) =>
    aStorage('files', { node, type: 'dir', content: ['snippets', 'import'], ...change });
  const snippet = { cloudInit: { userData: undefined, sshKeys: [], snippet: 'files:snippets/web.yaml' } };
  const imported = {
    disks: [
      { name: 'data', importFrom: 'files:import/data.qcow2', reclaimPolicy: 'Detach' as const, options: {} },
    ],
  };

  test.each([
    ['a snippet', snippet, 'files:snippets/web.yaml'],
    ['an image of a disk', imported, 'files:import/data.qcow2'],
  ])('as %s is made where its storage is', (_what, want, volume) => {
    expect(where({ want, storages: [files('pve-2')] })).toBe('pve-2');
    expect(whyNot({ want, host: 'pve-1', storages: [files('pve-2')] })).toContain(
      `pve-1: the storage of ${volume} is not available`,
    );
    const down = [files('pve-1', { status: 'unknown' }), files('pve-3')];
    expect(where({ want, storages: down })).toBe('pve-3');
  });

  test('is left to Proxmox VE where no node lists the storage, which may be hidden', () => {
    expect(where({ want: snippet })).toBe('pve-1');
  });
});

describe('a template with devices', () => {
  test('of a resource mapping is cloned to a node that has one', () => {
    const unmapped = new Map([
      ['pve-2', ['hostpci0']],
      ['pve-3', []],
    ]);
    const template = { unmapped };
    expect(where({ host: 'pve-3', template })).toBe('pve-3');
    expect(whyNot({ host: 'pve-2', template })).toContain(
      'pve-2: the resource mapping for hostpci0 of template 9000 has no device here',
    );
  });

  test('of its node is not cloned to be moved, because Proxmox VE would not move it', () => {
    const local = NODES.map((node) => aStorage('local-lvm', { node }));
    const disks = [{ storage: 'local-lvm', size: bytes(10 * GiB), isRoot: true }];
    const template = { disks, localDevices: ['hostpci0'] };
    expect(where({ storages: local, template })).toBe('pve-1');
    expect(whyNot({ host: 'pve-2', storages: local, template })).toContain(
      'pve-2: template 9000 uses devices of pve-1, so its clones cannot be moved: hostpci0',
    );
    // Proxmox VE clones from shared storage all the same, and the other node may have the same device.
    expect(where({ host: 'pve-2', template: { localDevices: ['hostpci0'] } })).toBe('pve-2');
  });
});
