/** When a change of hardware takes effect, as the documentation says, held against the fake and the planner. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { configChange } from '../../../controllers/virtualmachine/config/change.ts';
import { firmwareDifferences } from '../../../controllers/virtualmachine/config/firmware.ts';
import { diskWork } from '../../../controllers/virtualmachine/disks/work.ts';
import type { GuestConfig } from '../../../controllers/shared/guests/model.ts';
import { bytes, GiB, vmid } from '../../../src/lib/units.ts';
import { aDesiredVm, aGuest, aMark, configOf, type Wanted } from '../../builders/guests.ts';
import { aVirtualMachine } from '../../builders/objects.ts';
import { aStorage } from '../../builders/views.ts';
import { withFake, type Client, type Sending } from '../fakepve/client.ts';

/** A spec that differs from the running guest in one field. */
const CHANGES: Readonly<Record<string, Partial<Wanted>>> = {
  '`cpus`, up to the ceiling': { cpus: 4 },
  '`cpuType`': { cpuType: 'host' },
  '`minMemory`': { minMemory: bytes(GiB) },
  '`hardware.numa`': { hardware: { numa: true } },
  '`hardware.sockets`': { hardware: { sockets: 2 } },
  '`hardware.hugepages`': { hardware: { hugepages: 'any' } },
  '`hardware.vga`': { hardware: { vga: { type: 'virtio' } } },
  '`hardware.serial`': { hardware: { serial: 1 } },
  '`hardware.audio`': { hardware: { audio: { device: 'AC97' } } },
  '`hardware.tablet`': { hardware: { tablet: false } },
  '`hardware.rng`': { hardware: { rng: { source: '/dev/urandom' } } },
  '`devices[].pciMapping`': { devices: [{ kind: 'pci', mapping: 'gpu', flags: {} }] },
  '`devices[].usbMapping`': { devices: [{ kind: 'usb', mapping: 'stick', flags: {} }] },
  '`spec.machine`': { machine: 'q35' },
  '`spec.bios`': { bios: 'ovmf' },
  '`spec.tpm`': { tpm: 'v2.0' },
  '`spec.osType`': { osType: 'win11' },
  '`spec.scsiController`': { scsiController: 'pvscsi' },
  '`spec.efi`': { efi: { preEnrolledKeys: true } },
  '`guestName`': { name: 'WEB-01', options: { guestName: 'WEB-01' } },
  '`guestAgent`': { guestAgent: { fstrimClonedDisks: true } },
  '`disks[].aio`': { root: { options: { aio: 'threads' } } },
  '`disks[].backup`': { root: { options: { backup: false } } },
  '`disks[].replicate`': { root: { options: { replicate: false } } },
  '`disks[].bus`': { root: { options: {}, bus: 'virtio' } },
  '`networks[].queues`': { nics: [{ name: 'lan', bridge: 'vmbr0', settings: { queues: '4' } }] },
};

function documented(): readonly (readonly [field: string, effect: string])[] {
  const pages = ['vmclass', 'virtualmachine'].map((name) =>
    readFileSync(new URL(`../../../docs/kinds/${name}.md`, import.meta.url), 'utf8'),
  );
  return pages.flatMap((page) => {
    const [, table = ''] = /\| Field of the \w+ \| A change \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page) ?? [];
    return [...table.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].map(
      ([, field = '', effect = '']) => [field, effect] as const,
    );
  });
}

const QEMU = '/nodes/pve1/qemu/101';
const VM = aVirtualMachine({ status: { vmid: vmid(101), createdAt: '2026-03-01T12:00:00Z' } });
const RUNNING: GuestConfig = configOf(aMark(), {
  scsi0: 'dir:1',
  balloon: '1536',
  ostype: 'l26',
});

/** As the administrator, because only they may set everything. */
async function signIn(client: Client): Promise<Sending> {
  const credentials = { username: 'root@pam', password: 'secret' };
  const { data } = await client.send('POST', '/access/ticket', credentials, { authorization: '' });
  const { ticket, CSRFPreventionToken } = data as Readonly<Record<string, string>>;
  return {
    authorization: '',
    headers: { cookie: `PVEAuthCookie=${ticket ?? ''}`, csrfpreventiontoken: CSRFPreventionToken ?? '' },
  };
}

/** What the fake leaves pending of the write that brings a running guest to the spec; `undefined`: nothing is written. */
async function pendingAfter(client: Client, want: Wanted): Promise<readonly string[] | undefined> {
  const text = (await client.get(`${QEMU}/config`)) as Readonly<Record<string, unknown>>;
  const config = Object.fromEntries(Object.entries(text).map(([key, value]) => [key, String(value)]));
  const guest = aGuest({ config });
  const change = configChange(VM, want, guest, { cloudInit: undefined, maxCpus: 8, nodeCpus: 16 });
  if (!change) return undefined;
  const params = { ...change.set, ...(change.delete.length > 0 && { delete: change.delete.join(',') }) };
  const { status, text: answer } = await client.send('PUT', `${QEMU}/config`, params, await signIn(client));
  expect({ status, answer }).toMatchObject({ status: 200 });
  const rows = await client.list<{ readonly key: string }>(`${QEMU}/pending`);
  return rows.flatMap((row) => ('pending' in row || 'delete' in row ? [row.key] : []));
}

const reportedOf = (want: Wanted): readonly string[] => {
  const guest = aGuest({ config: RUNNING });
  const context = { recorded: [], detached: [], storages: [aStorage()], isApplied: () => false };
  return [...firmwareDifferences(want, guest.config), ...diskWork(want, guest, context).differences];
};

test('the tables name each change that is tried here, and no other', () => {
  expect(
    documented()
      .map(([field]) => field)
      .toSorted(),
  ).toEqual(Object.keys(CHANGES).toSorted());
});

test.each(documented())('%s changes %s', (field, effect) =>
  withFake(
    {
      cluster: {
        nodes: [{ name: 'pve1', cpus: 16 }],
        storages: [{ id: 'dir', type: 'dir', content: ['images'] }],
        bridges: ['vmbr0'],
        users: [{ id: 'root@pam', password: 'secret' }],
        guests: [{ vmid: 101, node: 'pve1', running: true, config: RUNNING }],
      },
    },
    async (client) => {
      const want = aDesiredVm({ memory: bytes(2 * GiB), ...CHANGES[field] });
      const pending = await pendingAfter(client, want);
      if (effect === 'only reported') {
        expect(pending).toBeUndefined();
        expect(reportedOf(want)).toHaveLength(1);
        return;
      }
      expect(pending?.length).toBeDefined();
      expect((pending?.length ?? 0) === 0 ? 'at once' : 'with a restart').toBe(effect);
    },
  ),
);
