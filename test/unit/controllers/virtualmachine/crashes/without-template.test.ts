import { describe, expect, test } from '@jest/globals';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import type { VirtualMachineSpec } from '../../../../../src/api/index.ts';
import { Life } from '../../../../builders/life.ts';
import { anImage, UID, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { atCalls, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach, type Story } from './everywhere.ts';

const ISO = 'local:iso/debian-12.iso';
const INSTALL = [{ name: 'install', imageRef: { name: 'debian' } }];

const withoutTemplate = (change: Partial<VirtualMachineSpec> = {}): VirtualMachineChange => ({
  spec: {
    imageRef: undefined,
    disks: [{ name: 'root', size: bytes(20 * GiB), storageClass: 'local-lvm' }],
    networks: [{ name: 'lan' }],
    cdroms: INSTALL,
    boot: [{ disk: 'root' }, { cdrom: 'install' }, { network: 'lan' }],
    ...change,
  },
});

const lifeOf = (vm: VirtualMachineChange, saboteur = new Saboteur(() => undefined)): Life => {
  const life = new Life({
    vm,
    between: saboteur.between,
    isDead: saboteur.isDead,
    images: () => [anImage({ iso: ISO }, { name: 'debian' })],
  });
  life.pve.volumes.add(ISO);
  return life;
};

const guestOf = ({ pve }: Life) => pve.guestsOf(UID)[0]!;
describe('a VM without a template', () => {
  test('is created by one request, and then only started', async () => {
    const life = lifeOf(withoutTemplate());
    await life.untilReady();
    const { config, running } = guestOf(life);
    expect(running).toBe(true);
    expect(config).toMatchObject({
      name: 'web',
      ostype: 'l26',
      scsihw: 'virtio-scsi-single',
      scsi0: expect.stringMatching(/^local-lvm:vm-100-disk-0,.*size=20G/),
      ide0: expect.stringContaining(`${ISO},media=cdrom`),
      net0: expect.stringContaining('bridge=vmbr0'),
      boot: 'order=scsi0;ide0;net0',
      agent: 'enabled=1',
      smbios1: `uuid=${UID}`,
      memory: '2048',
    });
    expect(life.pve.requests.filter((request) => request.startsWith('P'))).toEqual([
      'POST /nodes/{node}/qemu',
      'POST /nodes/{node}/qemu/{vmid}/status/start',
    ]);
    expect(life.status).toMatchObject({
      cloneType: 'None',
      placement: { storage: 'local-lvm' },
      cdroms: [{ name: 'install', device: 'ide0', volume: ISO }],
    });
    expect(life.status.internal?.cloudInit?.mode).toBe('None');
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True', Placed: 'True' });
  });

  test('stays Ready without a guest agent, and is left alone when it restarts by itself', async () => {
    const life = lifeOf(withoutTemplate());
    await life.until(() => life.pve.guestsOf(UID).length > 0);
    guestOf(life).agent = 'silent';
    await life.untilReady();
    const before = life.pve.requests.filter((request) => request.startsWith('P')).length;
    life.now += 60 * 60_000;
    // A reboot within the guest does not show in Proxmox VE, except by its uptime.
    guestOf(life).startedAt = life.now;
    for (let passes = 0; passes < 5; passes += 1) await life.pass();
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True', GuestAgentConnected: 'False' });
    expect(guestOf(life).config['ide0']).toContain(ISO);
    expect(life.pve.requests.filter((request) => request.startsWith('P'))).toHaveLength(before);
  });

  test('gets a cloud-init drive where the spec has data for it', async () => {
    const life = lifeOf(
      withoutTemplate({
        sshKeysSecretRef: undefined,
        userData: { cloudInit: { inline: '#cloud-config\nusers: [{name: a}]\n' } },
      }),
    );
    await life.untilReady();
    expect(life.status.internal?.cloudInit?.mode).toBe('Image');
    expect(guestOf(life).config).toMatchObject({
      smbios1: `uuid=${UID}`,
      ide0: expect.stringContaining(ISO),
    });
    expect(guestOf(life).config['ide2']).toContain('virtrigaud-');
  });

  test('needs no CD-ROM drive to boot from the network', async () => {
    const life = lifeOf(withoutTemplate({ cdroms: undefined, boot: [{ network: 'lan' }, { disk: 'root' }] }));
    await life.untilReady();
    expect(guestOf(life).config).toMatchObject({ boot: 'order=net0;scsi0' });
    expect(Object.keys(guestOf(life).config).filter((key) => /^(ide|sata)/.test(key))).toEqual([]);
  });

  test('is not created while no node has the image, and no VMID is reserved', async () => {
    const life = lifeOf(withoutTemplate());
    life.pve.volumes.clear();
    for (let passes = 0; passes < 6; passes += 1) await life.pass();
    expect(life.status.vmid).toBeUndefined();
    expect(life.status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'IsoNotFound',
      message: expect.stringContaining(`has no ${ISO}`),
    });
    life.pve.volumes.add(ISO);
    await life.untilReady();
  });
});

test('a VM without a template is deleted with its disk, and the image stays', async () => {
  const life = lifeOf(withoutTemplate());
  await life.untilReady();
  await life.delete();
  expect([...life.pve.guests.keys()]).toEqual([9000]);
  expect([...life.pve.volumes]).toEqual([ISO]);
});

describe('an entry of cdroms that is removed', () => {
  test('ejects its image at once, and its drive goes when the VM is off', async () => {
    const life = lifeOf(withoutTemplate());
    await life.untilReady();
    life.store.editSpec({ cdroms: [], boot: [{ disk: 'root' }, { network: 'lan' }] });
    await life.untilReady();
    expect(guestOf(life).inForce['ide0']).toContain('none,media=cdrom');
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
    expect(life.status.pendingChanges).toBeUndefined();
    life.store.editSpec({ powerState: 'Off' });
    await life.untilReady();
    expect(guestOf(life).config['ide0']).toBeUndefined();
    expect(life.status.cdroms).toBeUndefined();
  });

  test('leaves its drive to the next entry, whose image is inserted at once', async () => {
    const life = lifeOf(withoutTemplate());
    await life.untilReady();
    life.store.editSpec({ cdroms: [], boot: [{ disk: 'root' }] });
    await life.untilReady();
    life.store.editSpec({ cdroms: [{ name: 'rescue', imageRef: { name: 'debian' } }] });
    await life.untilReady();
    expect(guestOf(life).inForce['ide0']).toContain(ISO);
    expect(life.status.cdroms).toEqual([{ name: 'rescue', device: 'ide0', volume: ISO }]);
  });
});

test('an image that somebody ejected in Proxmox VE is reported and not inserted again', async () => {
  const life = lifeOf(withoutTemplate());
  await life.untilReady();
  const guest = guestOf(life);
  guest.config = { ...guest.config, ide0: 'none,media=cdrom' };
  guest.inForce = guest.config;
  guest.digest += 1;
  life.now += 10 * 60_000;
  life.restart();
  for (let passes = 0; passes < 4; passes += 1) await life.pass();
  expect(life.status.conditions?.find(({ type }) => type === 'Synced')).toMatchObject({ reason: 'Drifted' });
  expect(guestOf(life).config['ide0']).toBe('none,media=cdrom');
});

/** Requests that are still on their way arrive. */
const settle = (life: Life): void => {
  for (let n = 0; n < 2; n += 1) {
    life.now += 120_000;
    life.pve.settle();
  }
};

const seen = (life: Life) => ({
  guests: [...life.pve.guests.keys()].length,
  own: life.pve.guestsOf(UID).map(({ config, running }) => [config['ide0']?.split(',')[0], running]),
});

async function creation(faults: ReadonlyMap<number, Fault>): ReturnType<Story> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = lifeOf(withoutTemplate(), saboteur);
  await life.untilReady();
  settle(life);
  return { calls: saboteur.called, seen: seen(life) };
}

/** @param faults from the removal of the entry on */
async function ejection(faults: ReadonlyMap<number, Fault>): ReturnType<Story> {
  let before = 0;
  const saboteur = new Saboteur((call) => (before === 0 ? undefined : faults.get(call - before)));
  const life = lifeOf(withoutTemplate(), saboteur);
  await life.untilReady();
  before = saboteur.called.length;
  life.store.editSpec({ cdroms: [], boot: [{ disk: 'root' }, { network: 'lan' }] });
  await life.untilReady();
  settle(life);
  return { calls: saboteur.called.slice(before), seen: seen(life) };
}

const LIMIT_MS = 240_000;

describe('there is one guest without a template in the end', () => {
  const CREATED = { guests: 2, own: [[ISO, true]] };

  test(
    'whatever call of its creation the process dies at, or the answer of which is lost',
    async () => {
      await oneFaultEach(creation, CREATED);
    },
    LIMIT_MS,
  );

  test('if many calls fail', () => manyFaults(creation, CREATED), LIMIT_MS);
});

test(
  'an image is ejected, whatever call the process dies at, or the answer of which is lost',
  async () => {
    await oneFaultEach(ejection, { guests: 2, own: [['none', true]] });
  },
  LIMIT_MS,
);
