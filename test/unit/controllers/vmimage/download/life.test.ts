import { describe, expect, test } from '@jest/globals';
import { ImageLife } from '../../../../builders/image-life.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { aProvider, aVirtualMachine } from '../../../../builders/objects.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import fc from '../../../../builders/fast-check.ts';

const files = (life: ImageLife): readonly string[] => [...life.pve.volumes];

const ISO = { url: 'https://images.example/Debian.ISO', providerRefs: [{ name: 'pve' }] };

async function expectTemplate(life: ImageLife): Promise<void> {
  life.pve.settle();
  expect(life.made.map(({ config }) => config['template'])).toEqual(['1']);
  expect(life.status.templates).toMatchObject([{ vmid: life.made[0]?.vmid, state: 'Ready' }]);
  await life.until(() => life.status.downloads === undefined);
  expect(files(life)).toEqual(['local:import/of-somebody-else.qcow2']);
}

function expectIso(life: ImageLife): void {
  const volume = life.status.downloads?.[0]?.volume ?? '';
  expect(volume).toMatch(/^local:iso\/virtrigaud-.*-Debian\.iso$/);
  expect(files(life)).toEqual(['local:import/of-somebody-else.qcow2', volume]);
  expect(life.status.availableOn).toMatchObject([{ provider: 'default/pve', node: 'pve-1' }]);
  expect(life.made).toEqual([]);
}

/** From nothing to a template, or an ISO image, and back to nothing. */
async function live(
  faults: Iterable<readonly [number, Fault]>,
  {
    deletedAfter,
    failures = [],
    iso = false,
  }: { readonly deletedAfter?: number; readonly failures?: readonly string[]; readonly iso?: boolean } = {},
): Promise<readonly string[]> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = new ImageLife({
    between: saboteur.between,
    isDead: saboteur.isDead,
    ...(iso && { spec: { download: ISO } }),
  });
  life.pve.volumes.add('local:import/of-somebody-else.qcow2');
  for (const type of failures) life.pve.failures.push({ type, exit: 'no space' });
  if (deletedAfter === undefined) {
    await life.untilReady();
    if (iso) expectIso(life);
    else await expectTemplate(life);
  } else for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
  await life.delete();
  life.afterwards();
  expect(life.made).toEqual([]);
  expect([...life.pve.guests.keys()]).toEqual([9000]);
  expect(files(life)).toEqual(['local:import/of-somebody-else.qcow2']);
  return saboteur.called;
}

describe('from nothing to one template and back to nothing', () => {
  test('with one download', async () => {
    const life = new ImageLife();
    await life.untilReady();
    expect(life.pve.downloads).toBe(1);
    expect(life.made).toHaveLength(1);
    expect(life.made[0]?.config).toMatchObject({
      agent: '1',
      serial0: 'socket',
      vga: 'serial0',
      ostype: 'l26',
    });
  });

  test.each(FAULTS)(
    'if any call %s',
    async (fault) => {
      const calls = await live([]);
      expect(calls).toContain('POST /nodes/{node}/storage/{storage}/download-url');
      expect(calls).toContain('POST /nodes/{node}/qemu/{vmid}/template');
      expect(calls).toContain('DELETE /nodes/{node}/qemu/{vmid}');
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live([[index + 1, fault]]);
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );

  test.each(FAULTS)(
    'of an ISO image, if any call %s',
    async (fault) => {
      const calls = await live([], { iso: true });
      expect(calls).toContain('POST /nodes/{node}/storage/{storage}/download-url');
      for (const [index, what] of calls.entries())
        if (isDistinct(fault, what)) await live([[index + 1, fault]], { iso: true });
    },
    60_000,
  );

  test('if any calls fail, any number of times, tasks fail too, and it is deleted at any time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 6 }),
        fc.option(fc.nat(25), { nil: undefined }),
        fc.array(fc.constantFrom('download', 'qmcreate', 'qmtemplate', 'qmdestroy'), { maxLength: 4 }),
        fc.boolean(),
        async (gaps, deletedAfter, failures, iso) => {
          let call = 0;
          const faults = gaps.map(([gap, fault]) => [(call += gap), fault] as const);
          await live(faults, { ...(deletedAfter !== undefined && { deletedAfter }), failures, iso });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe('what is in the way', () => {
  test('is a storage that takes no such files, with the command that allows them, and it goes on by itself', async () => {
    const life = new ImageLife();
    life.pve.localContent = 'iso';
    await life.until(() => life.ready.includes('pvesm set local --content iso,import'));
    expect(life.ready).toMatch(/^False StorageUnavailable/);
    life.pve.localContent = 'iso,import';
    await life.untilReady();
  });

  test('is a task that fails, with what Proxmox VE said, and it is tried again', async () => {
    const life = new ImageLife();
    life.pve.failures.push({ type: 'download', exit: 'checksum mismatch' });
    await life.until(() => life.ready.includes('checksum mismatch'));
    await life.untilReady();
    expect(life.pve.downloads).toBe(2);
  });

  test('is a file of another format than its name says, with the field to set', async () => {
    const life = new ImageLife();
    const exit = "qemu-img: Could not open '/var/lib/vz/import/a.qcow2': Image is not in qcow2 format";
    life.pve.failures.push({ type: 'qmcreate', exit });
    await life.until(() => life.ready.includes('not in qcow2 format'));
    expect(life.ready).toContain('set spec.download.format');
    await life.untilReady();
  });

  test('is a Provider of another namespace that does not grant the URL', async () => {
    const provider = aProvider(
      { grants: [{ namespaces: { names: ['default'] }, downloads: ['https://elsewhere.example/'] }] },
      { namespace: 'infra' },
    );
    const download = {
      url: 'https://images.example/a.img',
      providerRefs: [{ name: 'pve', namespace: 'infra' }],
    };
    const life = new ImageLife({ provider, spec: { download } });
    await life.until(() => life.ready.startsWith('False NotGranted'));
    expect(life.pve.downloads).toBe(0);
  });
});

test('a VMImage that nobody waits for is ready, and makes nothing', async () => {
  const life = new ImageLife({ spec: { download: { url: 'https://images.example/a.img' } } });
  await life.untilReady();
  expect(life.ready).toMatch(/^True OnDemand: /);
  expect(life.pve.downloads).toBe(0);
});

test('says how far it is, in steps of five per cent', async () => {
  const life = new ImageLife();
  life.pve.taskMs = 60_000;
  const seen = new Set<number | undefined>();
  const line = (percent: number): string => `  65536K ........ ........ ${percent}%  112M 8s`;
  for (const percent of [0, 4, 5, 7, 10, 99]) {
    life.pve.taskLog = ['downloading https://images.example/debian.img', line(percent), ''];
    for (let pass = 0; pass < 4; pass += 1) {
      await life.pass();
      seen.add(life.status.downloads?.[0]?.progress?.percent);
    }
  }
  expect([...seen]).toEqual([undefined, 5, 10, 99]);
  expect(life.ready).toContain('99 % done');
  life.pve.taskLog = [];
  await life.untilReady();
  expect(life.status.downloads?.[0]?.progress).toBeUndefined();
});

test('two Providers of one PVE cluster share one template, and not those of which that is not proven', async () => {
  const providerRefs = [{ name: 'pve' }, { name: 'other' }];
  const download = { url: 'https://images.example/a.img', providerRefs };
  const proven = new ImageLife({ spec: { download }, other: 'proven' });
  await proven.untilReady();
  expect(proven.made).toHaveLength(1);
  expect(proven.pve.downloads).toBe(1);
  const unproven = new ImageLife({ spec: { download }, other: 'unproven' });
  await unproven.untilReady();
  expect(unproven.made).toHaveLength(2);
});

test('another URL makes another template beside the old one, which goes once the new one is ready', async () => {
  const life = new ImageLife();
  await life.untilReady();
  const [old] = life.made;
  life.pve.failures.push({ type: 'qmdestroy', exit: 'base volume is still in use by linked cloned' });
  life.store.editSpec({ download: { url: 'https://images.example/b.img', providerRefs: [{ name: 'pve' }] } });
  await life.until(() => life.made.length === 2);
  await life.until(() => life.made.length === 1);
  expect(life.made[0]?.vmid).not.toBe(old?.vmid);
  expect(life.ready).toMatch(/^True/);
});

describe('an ISO image', () => {
  const checksum = `md5:${'0'.repeat(32)}`;

  test('that was replaced stays until no drive has it, and is no longer the one for VMs', async () => {
    const life = new ImageLife({ spec: { download: ISO } });
    await life.untilReady();
    const [old = ''] = files(life);
    life.vms = [
      aVirtualMachine({
        status: { vmid: vmid(101), name: 'web', cdroms: [{ name: 'i', device: 'ide0', volume: old }] },
      }),
    ];
    life.store.editSpec({ download: { ...ISO, checksum } });
    await life.until(() => files(life).length === 2);
    await life.untilReady();
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(files(life)).toContain(old);
    expect(life.ready).toMatch(/^True/);
    life.vms = [];
    await life.until(() => !files(life).includes(old));
    expect(files(life)).toHaveLength(1);
    await life.delete();
    expect(files(life)).toEqual([]);
  });

  test('that was deleted in Proxmox VE is downloaded again', async () => {
    const life = new ImageLife({ spec: { download: ISO } });
    await life.untilReady();
    life.pve.volumes.clear();
    await life.until(() => life.pve.downloads === 2);
    await life.untilReady();
    expect(files(life)).toHaveLength(1);
  });

  test('stays with deletionPolicy Retain', async () => {
    const life = new ImageLife({ spec: { download: ISO, deletionPolicy: 'Retain' } });
    await life.untilReady();
    await life.delete();
    expect(files(life)).toHaveLength(1);
  });

  test('takes the place of a disk image, whose template is destroyed then', async () => {
    const life = new ImageLife();
    await life.untilReady();
    life.store.editSpec({ download: ISO });
    await life.until(() => life.made.length === 0 && life.ready.startsWith('True'));
    expect(files(life)).toHaveLength(1);
    life.store.editSpec({ download: { ...ISO, url: 'https://images.example/debian.img' } });
    await life.until(() => life.made.length === 1 && files(life).length === 0);
  });
});

test('with deletionPolicy Retain the template stays', async () => {
  const download = { url: 'https://images.example/a.img', providerRefs: [{ name: 'pve' }] };
  const life = new ImageLife({ spec: { download, deletionPolicy: 'Retain' } });
  await life.untilReady();
  await life.delete();
  expect(life.made).toHaveLength(1);
});

const RETAINED = {
  download: { url: 'https://images.example/a.img', providerRefs: [{ name: 'pve' }] },
  deletionPolicy: 'Retain' as const,
};

test('with deletionPolicy Retain a template that is ready stays and an event names it; what is half made goes', async () => {
  const untilEnd = new ImageLife({ spec: RETAINED });
  let passes = 0;
  while (!untilEnd.ready.startsWith('True')) {
    await untilEnd.pass();
    passes += 1;
  }
  for (let deletedAfter = 0; deletedAfter <= passes; deletedAfter += 1) {
    const life = new ImageLife({ spec: RETAINED });
    for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
    await life.delete();
    life.afterwards();
    expect(files(life)).toEqual([]);
    const kept = life.made.map(({ vmid, config }) => [vmid, config['template']]);
    const named = life.events.flatMap(
      (event) => /^Retained: Left in Proxmox VE: VM (\d+) /.exec(event)?.[1] ?? [],
    );
    expect(kept).toEqual(named.map((vmid) => [Number(vmid), '1']));
  }
});

test('events say what was made, what failed and what is gone, and no URL', async () => {
  const life = new ImageLife({
    spec: { download: { url: 'https://images.example/a.img?token=secret', providerRefs: [{ name: 'pve' }] } },
  });
  life.pve.failures.push({ type: 'download', exit: 'checksum mismatch' });
  await life.untilReady();
  await life.delete();
  expect(life.events.map((event) => event.replaceAll(/\d+/g, 'N'))).toEqual([
    expect.stringMatching(/^Downloading: Proxmox VE downloads the file to storage local on node pve-N of /),
    'TaskFailed: checksum mismatch',
    expect.stringMatching(/^TemplateCreated: Template N is on node pve-N and storage /),
    'TemplateDestroyed: Template N of Provider default/pve is gone.',
  ]);
  expect(life.events.join(' ')).not.toContain('secret');
});

test('with the annotation force-delete the object goes at once, and an event names what stays', async () => {
  const life = new ImageLife();
  await life.untilReady();
  life.store.annotate({ 'virtrigaud.io/force-delete': 'true' });
  const [made] = life.made;
  await life.delete();
  expect(life.made).toEqual([made]);
  expect(life.events).toContainEqual(
    expect.stringContaining(`Left in Proxmox VE: VM ${made?.vmid ?? 0} on node`),
  );
});

test('a template that linked clones need stays, and the condition names them, until they are gone', async () => {
  const life = new ImageLife();
  await life.untilReady();
  await life.until(() => life.status.downloads === undefined);
  const [made] = life.made;
  const storage = life.status.templates?.[0]?.storage ?? '';
  const clone = `${storage}:vm-300-disk-0`;
  life.pve.linked.set(clone, { vmid: 300, parent: `base-${made?.vmid ?? 0}-disk-0` });
  life.pve.failures.push({ type: 'qmdestroy', exit: 'base volume is still in use by linked cloned' });
  life.store.markDeleted();
  await life.until(() => life.ready.includes('VM 300'));
  expect(life.made).toHaveLength(1);
  life.pve.linked.delete(clone);
  await life.until(() => life.store.live() === undefined);
  expect(life.made).toEqual([]);
});

test('what status names without proof is left alone', async () => {
  const life = new ImageLife();
  await life.untilReady();
  await life.until(() => life.status.downloads === undefined);
  const foreign = 'local:import/virtrigaud-000000000000-00000000-a.qcow2';
  life.pve.volumes.add(foreign);
  const [template] = life.status.templates ?? [];
  life.editStatus({
    templates: [{ ...template, vmid: 9000, file: 'old' }],
    downloads: [{ ...template, volume: foreign, storage: 'local', state: 'Downloaded' }],
  });
  life.store.markDeleted();
  for (let pass = 0; pass < 40; pass += 1) await life.pass();
  expect(life.pve.guests.has(9000)).toBe(true);
  expect(files(life)).toContain(foreign);
});

test('a clone of a template, which has a copy of its mark, is left alone, even under a VMID that status names', async () => {
  const life = new ImageLife();
  await life.untilReady();
  const [made] = life.made;
  if (!made) throw new Error('There is no template.');
  const { template: _template, ...config } = made.config;
  // Somebody destroyed the template and made the clone under its VMID.
  life.pve.guests.set(made.vmid, { ...made, config: { ...config, smbios1: 'uuid=another' } });
  await life.delete();
  expect(life.pve.guests.get(made.vmid)?.config).not.toHaveProperty('template');
  expect(life.pve.guests.has(made.vmid)).toBe(true);
});

describe('on nodes that share no storage', () => {
  const URL = 'https://images.example/debian.img';
  const spec = (replicate: 'All' | 'OnDemand') => ({
    download: { url: URL, replicate, providerRefs: [{ name: 'pve' }] },
  });
  const onNodes = (life: ImageLife) => life.made.map(({ node }) => node).toSorted();
  /** One that its placement put on a node which has no template. */
  const waitingOn = (node: string) =>
    aVirtualMachine({
      status: {
        internal: { templateNode: nodeName(node) },
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'ImageNotReady',
            message: '',
            observedGeneration: 1,
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      },
    });

  test('one node gets a template, and another once a VM waits for it there, with one download each', async () => {
    const life = new ImageLife({ spec: spec('OnDemand') });
    await life.untilReady();
    expect(onNodes(life)).toHaveLength(1);
    const other = onNodes(life)[0] === 'pve-1' ? 'pve-2' : 'pve-1';
    life.vms = [waitingOn(other), waitingOn(other)];
    await life.until(() => onNodes(life).length === 2 && life.ready.startsWith('True'));
    for (let n = 0; n < 20; n += 1) await life.pass();
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
    expect(life.pve.downloads).toBe(2);
    expect(life.status.templates).toHaveLength(2);
  });

  test('each gets one with replicate: All, and again after somebody destroyed it, and it costs no requests', async () => {
    const life = new ImageLife({ spec: spec('All') });
    await life.untilReady();
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
    await life.until(() => life.status.downloads === undefined);
    const asked = () => life.pve.requests.filter((route) => !route.includes('/cluster/')).length;
    const before = asked();
    for (let n = 0; n < 30; n += 1) await life.pass();
    expect(asked()).toBe(before);
    life.pve.guests.delete(life.made[0]?.vmid ?? 0);
    await life.until(() => onNodes(life).length === 2 && life.ready.startsWith('True'));
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
  });

  test('another checksum replaces all of them, one after the other is ready', async () => {
    const life = new ImageLife({ spec: spec('All') });
    await life.untilReady();
    const old = life.made.map((guest) => guest.vmid);
    const download = { ...spec('All').download, checksum: `sha256:${'ab'.repeat(32)}` };
    life.store.editSpec({ download });
    await life.until(() => life.made.length === 2 && !life.made.some((guest) => old.includes(guest.vmid)));
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
    await life.delete();
    life.afterwards();
    expect([...life.pve.guests.keys()]).toEqual([9000]);
    expect(files(life)).toEqual([]);
  });

  test('the first template of another checksum replaces all of a former one, if others are made on demand', async () => {
    const life = new ImageLife({ spec: spec('OnDemand') });
    await life.untilReady();
    life.vms = [waitingOn('pve-1'), waitingOn('pve-2')];
    await life.until(() => onNodes(life).length === 2 && life.ready.startsWith('True'));
    const old = life.made.map((guest) => guest.vmid);
    life.vms = [];
    life.store.editSpec({ download: { ...spec('OnDemand').download, checksum: `md5:${'0'.repeat(32)}` } });
    await life.until(() => life.made.length === 1);
    expect(old).not.toContain(life.made[0]?.vmid);
    await life.until(() => life.status.templates?.length === 1);
  });

  test('a template is made again if the spec returns to its file while it is being destroyed', async () => {
    const life = new ImageLife({ spec: spec('OnDemand') });
    await life.untilReady();
    life.store.editSpec({ download: { ...spec('OnDemand').download, checksum: `md5:${'0'.repeat(32)}` } });
    await life.until(() => life.status.templates?.some(({ state }) => state === 'Deleting') ?? false);
    life.store.editSpec({ download: spec('OnDemand').download });
    await life.until(() => life.made.length === 1 && life.ready.startsWith('True'));
    await life.until(() => life.status.templates?.length === 1);
    expect(life.status.templates).toMatchObject([{ state: 'Ready', vmid: life.made[0]?.vmid }]);
    expect(life.status.templates?.[0]).not.toHaveProperty('checksum');
  });

  test('a template that was moved serves its new node, and the former one gets another', async () => {
    const life = new ImageLife({ spec: spec('OnDemand') });
    await life.untilReady();
    const [first] = life.made;
    const from = first!.node;
    first!.node = from === 'pve-1' ? 'pve-2' : 'pve-1';
    life.vms = [waitingOn(from)];
    await life.until(() => onNodes(life).length === 2 && life.ready.startsWith('True'));
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
    expect(life.status.templates?.map(({ node }) => node).toSorted()).toEqual(['pve-1', 'pve-2']);
  });

  test('each gets one of a file that goes through the operator', async () => {
    const download = { ...spec('All').download, url: `${URL}.xz` };
    const life = new ImageLife({ spec: { download } });
    await life.untilReady();
    expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
    expect(life.pve.uploads).toBe(2);
    const begun = life.events.filter((event) => event.startsWith('Downloading: '));
    expect(begun).toHaveLength(2);
    expect(new Set(begun).size).toBe(2);
    await life.delete();
    life.afterwards();
    expect([...life.pve.guests.keys()]).toEqual([9000]);
    expect(files(life)).toEqual([]);
  });

  test.each(FAULTS)(
    'there are never two templates on one, and nothing is left, if any call %s',
    async (fault) => {
      const run = async (faults: Iterable<readonly [number, Fault]>): Promise<readonly string[]> => {
        const saboteur = new Saboteur(atCalls(faults));
        const life = new ImageLife({
          spec: spec('All'),
          between: saboteur.between,
          isDead: saboteur.isDead,
        });
        await life.untilReady();
        life.pve.settle();
        expect(onNodes(life)).toEqual(['pve-1', 'pve-2']);
        await life.delete();
        life.afterwards();
        expect([...life.pve.guests.keys()]).toEqual([9000]);
        expect(files(life)).toEqual([]);
        return saboteur.called;
      };
      const calls = await run([]);
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await run([[index + 1, fault]]);
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );
});
