/** Objects of our kinds as the API server would hold them, with little in them unless a test says more. */
import { bytes, GiB, nodeName, vmid } from '../../src/lib/units.ts';
import type { Provider, VirtualMachine, VMClass, VMClone, VMImage, VMSnapshot } from '../../src/api/index.ts';
import { grantOf, type Grant } from '../../controllers/shared/grants/grants.ts';
import { contentOf, fileNameOf } from '../../controllers/shared/images/file-name.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import type { ObjectReader, Readable, Resource } from '../../src/runtime/controller.ts';

export const UID = 'c7b0a0b2-5a55-4f0e-9b0c-3c1f6a0e9d11';
export const OTHER_UID = '0d9a5f7e-1111-4c4c-8d8d-aaaaaaaaaaaa';

type Meta = Resource['metadata'];

const meta = (name: string, change: Partial<Meta> = {}): Meta => ({
  name,
  namespace: 'default',
  uid: `uid-of-${name}`,
  resourceVersion: '1',
  generation: 1,
  finalizers: [],
  labels: {},
  annotations: {},
  ...change,
});

export interface VirtualMachineChange {
  readonly metadata?: Partial<Meta>;
  readonly spec?: Partial<VirtualMachine['spec']>;
  readonly status?: VirtualMachine['status'];
}

export const aVirtualMachine = ({ metadata, spec, status }: VirtualMachineChange = {}): VirtualMachine => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VirtualMachine',
  metadata: meta('web', { uid: UID, ...metadata }),
  spec: {
    providerRef: { name: 'pve' },
    classRef: { name: 'small' },
    imageRef: { name: 'ubuntu' },
    ...spec,
  },
  ...(status && { status }),
});

export interface SnapshotChange {
  readonly metadata?: Partial<Meta>;
  readonly spec?: Partial<VMSnapshot['spec']>;
  readonly status?: VMSnapshot['status'];
}

export const SNAPSHOT_UID = '5d3c7f0a-2222-4d4d-9e9e-bbbbbbbbbbbb';

/** Of `aVirtualMachine`. */
export const aSnapshot = ({ metadata, spec, status }: SnapshotChange = {}): VMSnapshot => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMSnapshot',
  metadata: meta('before-upgrade', { uid: SNAPSHOT_UID, ...metadata }),
  spec: { vmRef: { name: 'web' }, ...spec },
  ...(status && { status }),
});

export interface CloneChange {
  readonly metadata?: Partial<Meta>;
  readonly spec?: Partial<VMClone['spec']>;
  readonly status?: VMClone['status'];
}

/** Of `aVirtualMachine`. */
export const aClone = ({ metadata, spec, status }: CloneChange = {}): VMClone => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMClone',
  metadata: meta('web-clone', metadata),
  spec: { sourceVMRef: { name: 'web' }, ...spec },
  ...(status && { status }),
});

export const aProvider = (
  spec: Partial<Provider['spec']> = {},
  metadata: Partial<Meta> = {},
  status?: Provider['status'],
): Provider => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'Provider',
  metadata: meta('pve', metadata),
  spec: { type: 'proxmox', ...spec },
  ...(status && { status }),
});

/** Of the Provider's own namespace, unless the Provider grants less. */
export const aGrant = (grants: NonNullable<Provider['spec']['grants']>[number] | 'all' = 'all'): Grant => {
  const provider = grants === 'all' ? aProvider() : aProvider({ grants: [grants] }, { namespace: 'infra' });
  const grant = grantOf(provider, 'default', NO_NAMESPACES);
  if (!grant) throw new Error('The Provider grants nothing.');
  return grant;
};

export const aClass = (spec: Partial<VMClass['spec']> = {}, metadata: Partial<Meta> = {}): VMClass => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMClass',
  metadata: meta('small', metadata),
  spec: { cpus: 2, memory: bytes(2 * GiB), ...spec },
});

export const anImage = (
  source: VMImage['spec']['source'] = { vmid: vmid(9000) },
  metadata: Partial<Meta> = {},
): VMImage => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMImage',
  metadata: meta('ubuntu', metadata),
  spec: { source },
});

type DownloadSpec = NonNullable<VMImage['spec']['download']>;
type ImageStatus = NonNullable<VMImage['status']>;
type FileEntry = NonNullable<ImageStatus['downloads']>[number];
type TemplateEntry = NonNullable<ImageStatus['templates']>[number];

/** What is left out of its entries is that of Provider `default/pve`, node `pve-1` and what the spec asks for. */
export interface DownloadedStatus extends Omit<ImageStatus, 'downloads' | 'templates'> {
  readonly downloads?: readonly Partial<FileEntry>[] | undefined;
  readonly templates?: readonly Partial<TemplateEntry>[] | undefined;
}

/** A VMImage that is downloaded. */
export const aDownload = (
  change: Partial<DownloadSpec> = {},
  { downloads, templates, ...status }: DownloadedStatus = {},
  metadata: Partial<Meta> = {},
): VMImage => {
  const download: DownloadSpec = { url: 'https://images.example/ubuntu.img', ...change };
  const image = anImage(undefined, metadata);
  const at = '2026-01-01T00:00:00Z';
  const common = { provider: 'default/pve', node: nodeName('pve-1'), storage: 'local', at };
  const fileOf = (provider = common.provider): string => fileNameOf(image.metadata.uid, provider, download);
  return {
    ...image,
    spec: { download },
    status: {
      ...status,
      ...(downloads && {
        downloads: downloads.map((each) => ({
          ...common,
          state: 'Downloaded' as const,
          volume: `local:${contentOf(fileOf())}/${fileOf(each.provider)}`,
          ...each,
        })),
      }),
      ...(templates && {
        templates: templates.map((each) => ({
          ...common,
          vmid: vmid(9000),
          state: 'Ready' as const,
          file: fileOf(each.provider),
          ...each,
        })),
      }),
    },
  };
};

export const readerOf = <O extends Resource>(...objects: readonly O[]): ObjectReader<O> => {
  const get = (namespace: string, name: string): O | undefined =>
    objects.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  return {
    get,
    partial: (...at) => get(...at) as Readable<O> | undefined,
    list: () => objects as readonly Readable<O>[],
  };
};

/** Of objects that change. */
export const readerNow = <O extends Resource>(all: () => readonly O[]): ObjectReader<O> => ({
  get: (...at) => readerOf(...all()).get(...at),
  partial: (...at) => readerOf(...all()).partial(...at),
  list: () => readerOf(...all()).list(),
});
