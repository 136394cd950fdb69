import { describe, expect, test } from '@jest/globals';
import { demandsFor, imagesAwaited, type Demand } from '../../../../../controllers/shared/images/demand.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';
import { ALLOW_FROM, DRY_RUN, type Provider, type VirtualMachine } from '../../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import {
  aClass,
  aDownload,
  anImage,
  aProvider,
  aVirtualMachine,
  readerOf,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';

const because = (reason: string, observedGeneration = 1): VirtualMachine['status'] => ({
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason,
      message: '',
      observedGeneration,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});

const aWaiting = (change: VirtualMachineChange = {}): VirtualMachine =>
  aVirtualMachine({ status: because('ImageNotReady'), ...change });

const demands = (
  vms: readonly VirtualMachine[],
  {
    provider = aProvider(),
    image = anImage(),
  }: { provider?: Provider; image?: Parameters<typeof demandsFor>[0] } = {},
): readonly Demand[] =>
  demandsFor(image, {
    usersOf: () => vms,
    providers: readerOf(provider),
    classes: readerOf(aClass({ storage: { class: 'of-the-class' } }), aClass({}, { name: 'plain' })),
    namespaces: NO_NAMESPACES,
  });

const PVE = { namespace: 'default', name: 'pve' };

describe('what VMs need of a VMImage that is downloaded', () => {
  test('is one demand, however many wait for the same', () => {
    const twenty = Array.from({ length: 20 }, (_, n) => aWaiting({ metadata: { name: `web-${n}` } }));
    expect(demands(twenty)).toEqual([{ provider: PVE, storage: 'of-the-class', waiting: 20 }]);
  });

  test.each<[string, VirtualMachineChange['spec'], Provider, string | undefined]>([
    [
      'its disk root names it',
      { disks: [{ name: 'root', storageClass: 'of-the-disk' }] },
      aProvider(),
      'of-the-disk',
    ],
    ['its class names it', {}, aProvider({ defaults: { storage: 'usual' } }), 'of-the-class'],
    [
      'its Provider names it',
      { classRef: { name: 'plain' } },
      aProvider({ defaults: { storage: 'usual' } }),
      'usual',
    ],
    ['nobody names one', { classRef: { name: 'plain' } }, aProvider(), undefined],
  ])('is on the storage that its placement would choose: %s', (_what, spec, provider, storage) => {
    expect(demands([aWaiting({ spec: spec ?? {} })], { provider })).toEqual([
      { provider: PVE, ...(storage !== undefined && { storage }), waiting: 1 },
    ]);
  });

  test('is on the node that a VM must be on', () => {
    const here = aWaiting({ spec: { placement: { host: nodeName('pve-2') } } });
    expect(demands([here, aWaiting()]).map(({ node, waiting }) => ({ node, waiting }))).toEqual([
      { node: undefined, waiting: 1 },
      { node: 'pve-2', waiting: 1 },
    ]);
  });

  test('is on the node that its placement chose and that has no template yet', () => {
    const status = { ...because('ImageNotReady'), internal: { templateNode: nodeName('pve-3') } };
    expect(demands([aWaiting({ status })])).toMatchObject([{ node: 'pve-3', isChosen: true, waiting: 1 }]);
  });

  test.each<[string, VirtualMachineChange]>([
    ['is being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['has a VMID', { status: { ...because('ImageNotReady'), vmid: vmid(100) } }],
    ['is not granted what it asks for', { status: because('NotGranted') }],
    ['is over its quota', { status: because('QuotaExceeded') }],
    ['is invalid', { status: because('InvalidSpec') }],
    ['has not been looked at', { status: {} }],
    ['was edited since', { metadata: { generation: 2 } }],
    ['is only tried', { metadata: { annotations: { [DRY_RUN]: 'true' } } }],
    ['is only observed', { spec: { managementPolicy: 'ObserveOnly' } }],
    ['is paused', { spec: { managementPolicy: 'Paused' } }],
    ['has no Provider', { spec: { providerRef: { name: 'other' } } }],
    ['may not use the Provider', { spec: { providerRef: { name: 'pve', namespace: 'infra' } } }],
  ])('is nothing for a VM that %s', (_what, change) => {
    const provider = aProvider({}, change.spec?.providerRef?.namespace ? { namespace: 'infra' } : {});
    expect(demands([aWaiting(change)], { provider })).toEqual([]);
  });

  test('is nothing for a VM of a namespace that the VMImage does not allow', () => {
    const vm = aWaiting({
      metadata: { namespace: 'team-a' },
      spec: { imageRef: { name: 'ubuntu', namespace: 'default' } },
    });
    const provider = aProvider({}, { namespace: 'team-a' });
    expect(demands([vm], { provider })).toEqual([]);
    const image = anImage(undefined, { annotations: { [ALLOW_FROM]: 'team-a' } });
    expect(demands([vm], { provider, image })).toHaveLength(1);
  });
});

describe('an ISO image for CD-ROM drives', () => {
  const cdroms = [{ name: 'install', imageRef: { name: 'ubuntu' } }];
  const { imageRef: _, ...installed } = aVirtualMachine().spec;

  test('is needed on no storage, and on the node that a new VM must be on', () => {
    const vm = aWaiting({ spec: { imageRef: undefined, cdroms, placement: { host: nodeName('pve-2') } } });
    expect(demands([vm])).toEqual([{ provider: PVE, node: 'pve-2', waiting: 1 }]);
  });

  const existing = (volume?: string): VirtualMachine => ({
    ...aVirtualMachine({
      status: {
        vmid: vmid(100),
        name: 'web',
        node: nodeName('pve-1'),
        cdroms: [{ name: 'install', device: 'ide0', ...(volume !== undefined && { volume }) }],
      },
    }),
    spec: { ...installed, cdroms },
  });
  const image = aDownload({ url: 'https://images.example/debian.iso' }, { downloads: [{}] });
  const [{ volume } = {}] = image.status?.downloads ?? [];

  test('is needed where a VM is whose drive is empty, or has another image', () => {
    const demand = [{ provider: PVE, node: 'pve-1', waiting: 1 }];
    expect(demands([existing()])).toEqual(demand);
    expect(demands([existing('local:iso/old.iso')], { image })).toEqual(demand);
  });

  test('is needed where a drive has what was downloaded for a former checksum', () => {
    const checksum = `md5:${'0'.repeat(32)}`;
    const renewed = { ...image, spec: { download: { url: 'https://images.example/debian.iso', checksum } } };
    expect(demands([existing(volume)], { image: renewed })).toHaveLength(1);
  });

  test('is needed no more once the drive has it', () => {
    expect(demands([existing(volume)], { image })).toEqual([]);
  });
});

test('a VM asks for a pass over its images only while it waits for them', () => {
  expect(imagesAwaited(aWaiting())).toEqual([{ name: 'ubuntu' }]);
  expect(imagesAwaited(aVirtualMachine())).toEqual([]);
  expect(imagesAwaited(aWaiting({ status: because('NotGranted') }))).toEqual([]);
});
