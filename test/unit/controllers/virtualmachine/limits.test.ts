/**
 * What the Provider grants changes while VMs exist, and statuses are lost: nothing that was never granted is reached, and
 * nothing that exists is abandoned.
 */
import { describe, expect, test } from '@jest/globals';
import type { Provider, VirtualMachine } from '../../../../src/api/index.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../src/lib/units.ts';
import { Life } from '../../../builders/life.ts';
import { aClass, anImage, aProvider, aVirtualMachine, UID } from '../../../builders/objects.ts';

type Spec = Partial<VirtualMachine['spec']>;
type Grant = Omit<NonNullable<Provider['spec']['grants']>[number], 'namespaces'>;

const SPEC: Spec = {
  providerRef: { name: 'pve', namespace: 'infra' },
  networks: [{ name: 'lan', bridge: 'vmbr0' }],
  disks: [
    { name: 'root', size: bytes(10 * GiB) },
    { name: 'data', size: bytes(2 * GiB) },
  ],
};

/** The VM of another namespace than that of the Provider, and what that grants at present. */
function aLife({ cpus = 2, ...spec }: Spec & { readonly cpus?: number } = {}) {
  const world = {
    grant: {} as Grant,
    cpus,
    uid: 'uid-of-pve',
    nodes: ['pve-1'],
    others: [] as VirtualMachine[],
    images: [anImage()],
  };
  const life = new Life({
    vm: { spec: { ...SPEC, ...spec } },
    vmClass: () => aClass({ cpus: world.cpus, maxCpus: 8 }),
    provider: () =>
      aProvider(
        { grants: [{ namespaces: { names: ['default'] }, ...world.grant }] },
        { namespace: 'infra', uid: world.uid },
      ),
    addressed: () => world.others,
    images: () => world.images,
    identity: () => ({ name: world.nodes.join('-'), nodes: world.nodes }),
  });
  // Cloud-init images are there, and disks may be.
  life.pve.localContent = 'iso,images';
  return { life, world };
}

const guestIn = (life: Life) => life.pve.guestsOf(UID)[0]!;
const reasonOf = ({ status }: Life, type: string) =>
  status.conditions?.find((condition) => condition.type === type)?.reason;
const messageOf = ({ status }: Life, type: string) =>
  status.conditions?.find((condition) => condition.type === type)?.message;

async function passes(life: Life, count = 20): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

async function ready(spec: Parameters<typeof aLife>[0] = {}) {
  const made = aLife(spec);
  await made.life.untilReady();
  await passes(made.life);
  return { ...made, before: { ...guestIn(made.life).config } };
}

const NARROWED: readonly (readonly [string, Grant])[] = [
  ['storages', { storages: ['another'] }],
  ['bridges', { bridges: ['vmbr9'] }],
  ['nodes', { nodes: [nodeName('pve-9')] }],
  ['a pool and a range of VMIDs', { pools: ['team'], vmIdRange: { start: vmid(5000), end: vmid(5001) } }],
  ['the number of VMs', { quotas: { vms: 0 } }],
  ['memory', { quotas: { memory: bytes(GiB) } }],
];

describe.each(NARROWED)('a VM whose status was lost after its grant was narrowed in %s', (_what, grant) => {
  test.each(['in the same process', 'in another'])(
    'is found again, and is left as it is, %s',
    async (where) => {
      const { life, world, before } = await ready();
      const number = life.status.vmid;
      world.grant = grant;
      life.store.loseStatus();
      if (where === 'in another') life.restart();
      await passes(life);
      expect(life.status.vmid).toBe(number);
      expect(life.pve.guestsOf(UID)).toHaveLength(1);
      expect(guestIn(life).config).toEqual(before);
      expect(life.status.internal?.recovered).toBeUndefined();
      expect(life.conditions['Ready']).toBe('True');
    },
  );

  test('whose deletion is asked for afterwards takes its guest with it', async () => {
    const { life, world } = await ready();
    world.grant = grant;
    life.store.loseStatus();
    await passes(life);
    life.store.markDeleted();
    await passes(life, 40);
    expect(life.store.live()).toBeUndefined();
    expect(life.pve.guestsOf(UID)).toEqual([]);
  });
});

test('a VM whose status was lost, and whose address another VM has by then, is found again', async () => {
  const networks = [{ name: 'lan', bridge: 'vmbr0', staticIP: { address: '192.0.2.9/24' } }];
  const { life, world, before } = await ready({ networks });
  const number = life.status.vmid;
  const status = { vmid: vmid(999) };
  const metadata = { name: 'other', uid: 'other' };
  world.others = [aVirtualMachine({ metadata, spec: { ...SPEC, networks }, status })];
  life.store.loseStatus();
  await passes(life);
  expect(life.status.vmid).toBe(number);
  expect(guestIn(life).config).toEqual(before);
});

test('a VM whose status and image were lost is found again', async () => {
  const { life, world, before } = await ready();
  world.images = [];
  life.store.loseStatus();
  await passes(life);
  expect(guestIn(life).config).toEqual(before);
  expect(life.conditions['Ready']).toBe('True');
});

test('a VM that limits keep from being made, and which never had a guest, is looked for once', async () => {
  const { life, world } = aLife();
  world.grant = { quotas: { vms: 0 } };
  await passes(life, 5);
  expect(reasonOf(life, 'Ready')).toBe('QuotaExceeded');
  const reads = () => life.pve.requests.filter((route) => !route.startsWith('GET /cluster/')).length;
  const before = reads();
  await passes(life, 10);
  expect(reads()).toBe(before);
  expect(life.status.vmid).toBeUndefined();
});

/** What a spec asks for beyond the grant, and how the guest would show it. */
const BEYOND: readonly (readonly [string, Spec & { readonly cpus?: number }, Grant, RegExp])[] = [
  ['another bridge', { networks: [{ name: 'lan', bridge: 'vmbr1' }] }, { bridges: ['vmbr0'] }, /vmbr1/],
  [
    'one more network',
    { networks: [...SPEC.networks!, { name: 'dmz', bridge: 'vmbr1' }] },
    { bridges: ['vmbr0'] },
    /vmbr1/,
  ],
  [
    'one more disk',
    { disks: [...SPEC.disks!, { name: 'more', size: bytes(GiB), storageClass: 'local' }] },
    { storages: ['local-lvm'] },
    /^local:|serial=more/,
  ],
  [
    'a disk that moves',
    { disks: [SPEC.disks![0]!, { name: 'data', size: bytes(2 * GiB), storageClass: 'local' }] },
    { storages: ['local-lvm'] },
    /^local:/,
  ],
  ['more CPUs', { cpus: 4 }, { quotas: { cpus: 2 } }, /^4$/],
];

const everSeen = (life: Life, reached: RegExp): boolean =>
  [guestIn(life).config, guestIn(life).inForce].some((config) =>
    Object.entries(config).some(([key, value]) => key !== 'description' && reached.test(value)),
  );

async function edited(
  [, { cpus, ...edit }, grant, reached]: (typeof BEYOND)[number],
  driftPolicy: 'Report' | 'Revert',
) {
  const made = await ready({ driftPolicy });
  made.world.grant = grant;
  if (cpus !== undefined) made.world.cpus = cpus;
  made.life.store.editSpec(edit);
  await passes(made.life);
  expect(everSeen(made.life, reached)).toBe(false);
  return made;
}

describe.each(BEYOND)('%s', (...beyond) => {
  const [, , , reached] = beyond;

  test.each(['Report', 'Revert'] as const)(
    'that was never granted is not reached by a lost status either, with the drift policy %s',
    async (policy) => {
      const { life, before } = await edited(beyond, policy);
      for (let n = 0; n < 3; n += 1) {
        life.store.loseStatus();
        if (n === 1) life.restart();
        for (let pass = 0; pass < 12; pass += 1) {
          await life.pass();
          expect(everSeen(life, reached)).toBe(false);
        }
      }
      expect(life.status.vmid).toBeDefined();
      expect(guestIn(life).config).toEqual(before);
    },
  );
});

// The model has no moves of disks.
test.each(BEYOND.filter(([what]) => what !== 'a disk that moves'))(
  '%s is applied once it is granted',
  async (...beyond) => {
    const { life, world } = await edited(beyond, 'Report');
    world.grant = {};
    await passes(life, 30);
    expect(everSeen(life, beyond[3])).toBe(true);
    expect(life.conditions['Ready']).toBe('True');
    expect(messageOf(life, 'Synced')).not.toContain('grant');
  },
);

describe.each(BEYOND.filter(([what]) => what !== 'more CPUs'))(
  'an edit that asks for %s',
  (_what, edit, grant) => {
    test('is refused in this part, which is reported, and takes effect in all others', async () => {
      const { life, world, before } = await ready();
      world.grant = grant;
      world.cpus = 1;
      life.store.editSpec({ ...edit, tags: ['web'], onBoot: true });
      await passes(life, 30);
      const { config } = guestIn(life);
      expect(config).toMatchObject({ tags: expect.stringContaining('web'), onboot: '1', vcpus: '1' });
      const devices = (all: Readonly<Record<string, string>>) =>
        Object.entries(all).filter(([key]) => /^(net|scsi|unused)\d+$/.test(key));
      expect(devices(config)).toEqual(devices(before));
      expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'False' });
      expect(reasonOf(life, 'Synced')).toBe('NotGranted');
      expect(messageOf(life, 'Synced')).toMatch(/so it is left as it is\. Other changes take effect/);
      // Settled: nothing is written again and again.
      const writes = life.store.statusWrites.length;
      await passes(life);
      expect(life.store.statusWrites).toHaveLength(writes);
    });

    test('and is taken back leaves what there was', async () => {
      const { life, world, before } = await ready();
      world.grant = grant;
      life.store.editSpec(edit);
      await passes(life);
      life.store.editSpec({ networks: SPEC.networks!, disks: SPEC.disks! });
      await passes(life);
      world.grant = {};
      await passes(life);
      expect(guestIn(life).config).toEqual(before);
      expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
    });
  },
);

describe('a Provider that was created again under the same name', () => {
  test('for another PVE cluster gets none of its VMs: neither changed nor released', async () => {
    const { life, world, before } = await ready();
    world.uid = 'uid-of-another';
    world.nodes = ['other-1'];
    life.restart();
    life.store.editSpec({ tags: ['web'], powerState: 'Off' });
    await passes(life);
    expect(reasonOf(life, 'Ready')).toBe('ClusterChanged');
    expect(guestIn(life).config).toEqual(before);
    expect(guestIn(life).running).toBe(true);
    life.store.markDeleted();
    await passes(life);
    expect(life.store.live()).toBeDefined();
    expect(guestIn(life).config).toEqual(before);
    // It leads to the right cluster again.
    world.nodes = ['pve-1'];
    await passes(life, 40);
    expect(life.store.live()).toBeUndefined();
    expect(life.pve.guestsOf(UID)).toEqual([]);
  });

  test('for the same cluster, of which nodes came and went, goes on with its VMs', async () => {
    const { life, world } = await ready();
    expect(life.status.internal?.provider).toEqual({ uid: 'uid-of-pve', clusterID: 'pve-1/pve-1' });
    const writes = life.store.statusWrites.length;
    world.nodes = ['pve-1'];
    await passes(life);
    expect(life.store.statusWrites).toHaveLength(writes);
    world.uid = 'uid-of-another';
    life.store.editSpec({ tags: ['web'] });
    await passes(life);
    expect(life.conditions['Ready']).toBe('True');
    expect(guestIn(life).config['tags']).toContain('web');
    expect(life.status.internal?.provider?.uid).toBe('uid-of-another');
  });
});
