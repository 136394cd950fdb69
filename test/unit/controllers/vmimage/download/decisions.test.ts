import { describe, expect, test } from '@jest/globals';
import { downloadNeeds } from '../../../../../controllers/provider/download-needs.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';
import { fileNameOf, isFileOf } from '../../../../../controllers/shared/images/file-name.ts';
import {
  placeFor,
  targetFor,
  type Choice,
} from '../../../../../controllers/shared/placement/image-places.ts';
import type {
  GuestSeen,
  Have,
  TransferSeen,
  Want,
} from '../../../../../controllers/vmimage/download/model.ts';
import { plan } from '../../../../../controllers/vmimage/download/plan.ts';
import { settingsOf } from '../../../../../controllers/vmimage/download/settings.ts';
import { nodeName, upid, vmid } from '../../../../../src/lib/units.ts';
import fc from '../../../../builders/fast-check.ts';
import { aDownload, aProvider } from '../../../../builders/objects.ts';
import { aNode, aStorage, aView } from '../../../../builders/views.ts';

const URL = 'https://images.example/debian 13.img'.replace(' ', '%20');

describe('the name of a file', () => {
  test('differs by VMImage, Provider, URL, checksum and format, and says whose it is', () => {
    const names = [
      fileNameOf('u', 'a/pve', { url: URL }),
      fileNameOf('v', 'a/pve', { url: URL }),
      fileNameOf('u', 'b/pve', { url: URL }),
      fileNameOf('u', 'a/pve', { url: `${URL}?2` }),
      fileNameOf('u', 'a/pve', { url: URL, checksum: 'md5:00' }),
      fileNameOf('u', 'a/pve', { url: URL, format: 'raw' }),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(names[0]).toMatch(/^virtrigaud-[0-9a-f]{12}-[0-9a-f]{8}-debian_2013\.qcow2$/);
    expect(isFileOf(`local:import/${names[0]}`, 'u', 'a/pve')).toBe(true);
    expect(isFileOf(`local:import/${names[0]}`, 'v', 'a/pve')).toBe(false);
    expect(isFileOf(`local:import/${names[0]}`, 'u', 'b/pve')).toBe(false);
  });
});

const choice = (change: Partial<Choice> = {}): Choice => ({
  spec: { download: { url: URL } },
  view: aView({
    nodes: [aNode('pve-1'), aNode('pve-2')],
    storages: ['pve-1', 'pve-2'].flatMap((node) => [
      aStorage('local', { node, type: 'dir', content: ['iso', 'import'] }),
      aStorage('local-lvm', { node }),
    ]),
  }),
  grant: {},
  nodeSelector: [],
  defaultStorage: undefined,
  demands: [],
  ...change,
});

describe('where a file is kept', () => {
  const demand = { provider: { namespace: 'default', name: 'pve' }, waiting: 1 };

  test('is on the node that VMs wait for', () =>
    expect(placeFor(choice({ demands: [{ ...demand, node: 'pve-2' }] }))).toEqual({
      node: 'pve-2',
      storage: 'local',
    }));

  test('is nowhere outside the grant, the Provider and the storages of the spec', () => {
    const changes = [
      { grant: { storages: ['other'] } },
      { grant: { nodes: [nodeName('pve-9')] } },
      { nodeSelector: ['pve-9'] },
      { spec: { download: { url: URL, storages: ['other'] } } },
    ];
    for (const change of changes)
      expect(placeFor(choice(change))).toMatchObject({ reason: 'StorageUnavailable' });
  });

  test('is named with the command that allows it, where no storage takes such files', () => {
    const view = aView({ storages: [aStorage(), aStorage('local', { type: 'dir', content: ['iso'] })] });
    expect(placeFor(choice({ view }))).toMatchObject({
      message: expect.stringContaining('pvesm set local --content iso,import'),
    });
  });

  test('is no storage of an ESXi host', () => {
    const view = aView({ storages: [aStorage(), aStorage('esxi', { type: 'esxi', content: ['import'] })] });
    expect(placeFor(choice({ view }))).toMatchObject({ reason: 'StorageUnavailable' });
  });

  test('lets the template be made where the boot disks are to be', () => {
    const demands = [{ ...demand, storage: 'local-lvm' }];
    expect(targetFor(choice({ demands, defaultStorage: 'gone' }))).toBe('local-lvm');
    expect(targetFor(choice({ defaultStorage: 'gone' }))).toMatchObject({ reason: 'StorageUnavailable' });
  });
});

const MARK = { cluster: 'c', namespace: 'default', name: 'ubuntu', uid: 'u' };

test('a template is what cloud images need, with its mark from the first request on', () => {
  const image = { ...aDownload(), spec: { download: { url: URL }, template: { bios: 'uefi' as const } } };
  expect(settingsOf(image, MARK, { storage: 'tank', volume: 'local:import/a.qcow2' })).toMatchObject({
    description: expect.stringContaining('virtrigaud-image: c/default/ubuntu/u'),
    smbios1: 'uuid=u',
    scsi0: 'tank:0,import-from=local:import/a.qcow2',
    scsihw: 'virtio-scsi-single',
    bios: 'ovmf',
    machine: 'q35',
    efidisk0: 'tank:1,efitype=4m,pre-enrolled-keys=0',
    ide2: 'tank:cloudinit',
    serial0: 'socket',
    agent: '1',
  });
});

test('the privilege to download is needed only where an image uses the Provider and may do so', () => {
  const ports = { namespaces: NO_NAMESPACES };
  const image = aDownload({ providerRefs: [{ name: 'pve' }] });
  expect(downloadNeeds(aProvider(), [image], ports)).toMatchObject([{ anyOf: ['Sys.AccessNetwork'] }]);
  expect(downloadNeeds(aProvider(), [aDownload()], ports)).toEqual([]);
  const other = { ...image, metadata: { ...image.metadata, namespace: 'team' } };
  expect(downloadNeeds(aProvider(), [other], ports)).toEqual([]);
});

describe('for whatever is known', () => {
  const NOW = 1_000_000_000_000;
  const at = fc.integer({ min: 0, max: 100_000 }).map((ago) => new Date(NOW - ago).toISOString());
  const task = fc.constantFrom<GuestSeen['task'][]>(
    { state: 'none' },
    { state: 'running' },
    { state: 'failed', message: 'no' },
  );
  const guest = fc.record({
    task,
    guest: fc.constantFrom<GuestSeen['guest'][]>('absent', 'busy', 'foreign', 'unknown', 'guest', 'template'),
    node: fc.constant(nodeName('pve-1')),
  });
  const entry = (file: string, number: number) =>
    fc.record({
      provider: fc.constant('default/pve'),
      node: fc.constant(nodeName('pve-1')),
      storage: fc.constant('tank'),
      vmid: fc.constant(vmid(number)),
      file: fc.constant(file),
      state: fc.constantFrom('Reserved' as const, 'Ready' as const, 'Deleting' as const),
      at,
    });
  const via = fc.constantFrom('ProxmoxVE' as const, 'Operator' as const);
  const have: fc.Arbitrary<Have> = fc.record({
    download: fc.option(
      fc.record({
        provider: fc.constant('default/pve'),
        node: fc.constant(nodeName('pve-1')),
        storage: fc.constant('local'),
        volume: fc.constantFrom('local:import/new.qcow2', 'local:import/old.qcow2'),
        state: fc.constantFrom('Downloading' as const, 'Downloaded' as const),
        at,
        via,
        size: fc.constantFrom(3000, undefined),
        sha256: fc.constantFrom('ab', undefined),
      }),
      { nil: undefined },
    ),
    current: fc.option(entry('new.qcow2', 100), { nil: undefined }),
    old: fc.array(entry('old.qcow2', 101), { maxLength: 1 }),
    file: fc.option(
      fc.record({
        task,
        isThere: fc.boolean(),
        isBusy: fc.boolean(),
        size: fc.constantFrom(3000, 1500, undefined),
      }),
      { nil: undefined },
    ),
    transfer: fc.constantFrom<(TransferSeen | undefined)[]>(
      undefined,
      { state: 'queued', ahead: 1 },
      { state: 'running', progress: { phase: 'Uploading', percent: 50 } },
      { state: 'measured', size: 3000, sha256: 'ab' },
      { state: 'uploaded', task: upid('UPID:pve-1:1:1:1:imgcopy::a@pve:'), at: NOW },
      { state: 'unknown' },
      { state: 'failed', reason: 'DownloadFailed', message: 'no', at: NOW, isOfSource: true },
    ),
    guests: fc.record({ a: guest, b: guest }).map(
      ({ a, b }) =>
        new Map([
          [vmid(100), a],
          [vmid(101), b],
        ]),
    ),
    place: fc.constant({ node: nodeName('pve-1'), storage: 'local' }),
    target: fc.constant('tank'),
    isFileNeeded: fc.boolean(),
    areOthersMade: fc.boolean(),
    isMadeElsewhere: fc.boolean(),
    isUnsent: fc.boolean().map((is) => () => is),
    now: fc.constant(NOW),
  });
  const want: fc.Arbitrary<Want> = fc.record({
    provider: fc.constant('default/pve'),
    isWanted: fc.boolean(),
    via,
    file: fc.constantFrom('new.qcow2', undefined),
    generation: fc.constant(1),
  });

  test('only a guest with our mark is converted or destroyed, and nothing is sent that was not announced', () => {
    fc.assert(
      fc.property(want, have, (wanted, known) => {
        const next = plan(wanted, known);
        if (next.kind !== 'act') return;
        const { step } = next;
        if (step.do === 'convert' || step.do === 'destroy')
          expect(['guest', 'template']).toContain(known.guests.get(step.entry.vmid)?.guest);
        if (step.do === 'download' || step.do === 'create' || step.do === 'destroy')
          expect(known.isUnsent(step.entry)).toBe(true);
        if (step.do === 'create') expect(known.guests.get(step.entry.vmid)?.guest).toBe('absent');
        if (step.do === 'download') expect(known.file).toMatchObject({ isThere: false, isBusy: false });
      }),
    );
  });

  test('a VMID is given up only for a guest that was read and is not ours', () => {
    fc.assert(
      fc.property(want, have, (wanted, known) => {
        const next = plan(wanted, known);
        if (next.kind === 'act' && next.step.do === 'reserve' && next.step.instead !== undefined)
          expect(known.guests.get(next.step.instead)?.guest).toBe('foreign');
      }),
    );
  });

  test('what goes through the operator is sent once it was measured and announced, and used once all of it is there', () => {
    fc.assert(
      fc.property(want, have, (wanted, known) => {
        const next = plan(wanted, known);
        if (next.kind !== 'act') return;
        const { step } = next;
        if (step.do === 'upload') {
          expect(step.entry).toMatchObject({ via: 'Operator', size: 3000, sha256: 'ab' });
          expect(known.isUnsent(step.entry)).toBe(true);
          expect(known.file).toMatchObject({ isBusy: false });
        }
        if (step.do === 'fileReady' && step.entry.via === 'Operator')
          expect(known.file).toMatchObject({ isThere: true, isBusy: false, size: step.entry.size });
        if (step.do === 'download') expect(step.entry.via).toBe('ProxmoxVE');
        if (step.do === 'deleteFile') expect(known.file?.isBusy).toBe(false);
      }),
    );
  });

  test('no template is destroyed before the next one is ready', () => {
    fc.assert(
      fc.property(want, have, (wanted, known) => {
        const next = plan(wanted, known);
        const isDestroying =
          next.kind === 'act' && (next.step.do === 'announceDestroy' || next.step.do === 'destroy');
        const isMade = known.current ? known.current.state === 'Ready' : known.isMadeElsewhere;
        if (isDestroying && wanted.file !== undefined) expect(isMade).toBe(true);
      }),
    );
  });
});

describe('a file on shared storage, of which a template is ready on this node', () => {
  const at = '2026-01-01T00:00:00Z';
  const entry = { provider: 'default/pve', node: nodeName('pve-1'), at };
  const download = {
    ...entry,
    storage: 'share',
    volume: 'share:import/new.qcow2',
    state: 'Downloaded' as const,
  };
  const have = (isFileNeeded: boolean): Have => ({
    download,
    current: { ...entry, storage: 'tank', vmid: vmid(100), file: 'new.qcow2', state: 'Ready' },
    old: [],
    file: { task: { state: 'none' }, isThere: true, isBusy: false },
    transfer: undefined,
    guests: new Map(),
    isFileNeeded,
    areOthersMade: !isFileNeeded,
    isMadeElsewhere: true,
    place: { node: entry.node, storage: 'share' },
    target: 'tank',
    isUnsent: () => false,
    now: Date.parse(at),
  });
  const want: Want = {
    provider: 'default/pve',
    isWanted: true,
    via: 'ProxmoxVE',
    file: 'new.qcow2',
    generation: 1,
  };

  test('is kept while a template of another node is to be made of it', () =>
    expect(plan(want, have(true))).toEqual({ kind: 'done' }));

  test('is deleted once none is', () =>
    expect(plan(want, have(false))).toEqual({ kind: 'act', step: { do: 'deleteFile', entry: download } }));
});
