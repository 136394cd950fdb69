/** Whose guest it is: the mark alone is copied with every clone, so the SMBIOS UUID has to agree with it. */
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, guestNamed, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 15 });

const COPY = 777;
const LOWER = 300;
const FOREIGN_UUID = '11111111-2222-4333-8444-555555555555';

/** As after the objects were restored from a backup of the API server that has no statuses. */
async function loseStatus(t: Tenant, name = 'web'): Promise<void> {
  await t.patchStatus(`vm/${name}`, [{ op: 'replace', path: '/status', value: {} }]);
}

async function made(spec: object = {}) {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', spec));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  return { t, guest, vmid: guest.vmid };
}

const says = (t: Tenant, reason: string, ...words: readonly string[]): Promise<string> =>
  soon(async () => {
    const { is, message } = condition(await t.vm('web'));
    expect(is).toBe(`Ready=False ${reason}`);
    for (const word of words) expect(message).toContain(word);
    return message;
  });

const lineIn = (message: string): string => /virtrigaud: \S+ uuid=\S+/.exec(message)?.[0] ?? '';

describe('once its status is lost, an object', () => {
  test.concurrent('finds its guest beside a clone of it, and its deletion leaves the clone', async () => {
    const { t, guest, vmid } = await made({ vmid: 400 });
    // Lower than the number of the original, so that it comes first in every list.
    const clone = t.pve.outside.copy(vmid, LOWER, 'clone');
    expect(clone.get('description')).toBe(guest.get('description'));
    await loseStatus(t);
    await soon(async () => expect((await t.vm('web')).status.vmid).toBe(vmid));
    await t.ready('vm/web');
    const { status } = await t.vm('web');
    expect(status['adopted']).toBeUndefined();
    await t.delete('vm/web');
    expect([...t.pve.state.guests.keys()]).toContain(LOWER);
    expect(t.pve.state.guests.has(vmid)).toBe(false);
    expect(cloneRequests(t.pve)).toHaveLength(1);
  });

  test.concurrent(
    'has two candidates where a backup runs under another VMID, and takes neither',
    async () => {
      const { t, guest, vmid } = await made();
      t.pve.outside.copy(vmid, COPY, 'restore');
      await loseStatus(t);
      const message = await says(t, 'AmbiguousIdentity', `VM ${vmid}`, `VM ${COPY}`, 'virtrigaud: ');
      expect(message).toContain('remove it from the description of every other');
      // The user says which.
      t.pve.outside.edit(COPY, { description: null });
      await t.lookAgain();
      await t.ready('vm/web');
      expect((await t.vm('web')).status.vmid).toBe(vmid);
      expect(guest.running).toBeDefined();
    },
  );

  test.concurrent('does not take a copy where the original is gone, until the user says so', async () => {
    const { t, vmid } = await made({ powerState: 'Off' });
    const copy = t.pve.outside.copy(vmid, COPY, 'clone');
    t.pve.outside.delete(vmid);
    await loseStatus(t);
    const message = await says(t, 'UuidMismatch', `VM ${COPY}`, 'copy', `spec.adopt.vmid to ${COPY}`);
    expect(cloneRequests(t.pve)).toHaveLength(1);
    const line = lineIn(message);
    expect(line).toMatch(/^virtrigaud: .*\/web\/.* uuid=/);
    t.pve.outside.edit(COPY, { description: line });
    await t.lookAgain();
    await t.ready('vm/web');
    expect((await t.vm('web')).status).toMatchObject({ vmid: COPY, adopted: true });
    await t.delete('vm/web');
    expect(t.pve.state.guests.get(COPY)).toBe(copy);
    expect(copy.get('description')).toBeUndefined();
  });

  test.concurrent('takes neither its guest nor a clone where the guest was not configured yet', async () => {
    const { t, vmid } = await made({ powerState: 'Off' });
    t.pve.outside.edit(vmid, { smbios1: `uuid=${FOREIGN_UUID}` });
    const clone = t.pve.outside.copy(vmid, COPY, 'clone');
    await loseStatus(t);
    await says(t, 'AmbiguousIdentity', `uuid=${FOREIGN_UUID} (VM ${vmid})`, ` (VM ${COPY})`);
    const before = [...clone.config];
    await t.patch('vm/web', { spec: { adopt: { vmid } } });
    await t.ready('vm/web');
    expect((await t.vm('web')).status.vmid).toBe(vmid);
    expect([...clone.config]).toEqual(before);
    expect(cloneRequests(t.pve)).toHaveLength(1);
  });

  test.concurrent('finds its guest that was made a template, and creates no other', async () => {
    const { t, vmid } = await made({ powerState: 'Off' });
    t.pve.outside.convertToTemplate(vmid);
    await loseStatus(t);
    await soon(async () => expect((await t.vm('web')).status.vmid).toBe(vmid));
    expect(cloneRequests(t.pve)).toHaveLength(1);
  });

  test.concurrent('finds the guest that it adopted, and not a clone of that', async () => {
    const t = await tenant(lab.plane);
    t.pve.addGuest({
      vmid: COPY,
      node: 'pve-2',
      config: {
        name: 'web',
        memory: 2048,
        agent: 1,
        smbios1: `uuid=${FOREIGN_UUID}`,
        scsi0: 'nvme-storage:10',
      },
    });
    const adopter = manifest('VirtualMachine', 'web', {
      providerRef: { name: 'pve' },
      classRef: { name: 'small' },
      imageRef: { name: 'ubuntu' },
      powerState: 'Off',
      adopt: { vmid: COPY },
    });
    await t.apply(adopter);
    await t.ready('vm/web');
    const guest = t.pve.state.guests.get(COPY)!;
    expect(guest.get('description')).toContain(` uuid=${FOREIGN_UUID}`);
    expect((await t.vm('web')).status.internal).toMatchObject({ uuid: FOREIGN_UUID });
    await t.patch('vm/web', { spec: { adopt: null } });
    t.pve.outside.copy(COPY, 150, 'clone');
    await loseStatus(t);
    await soon(async () => expect((await t.vm('web')).status).toMatchObject({ vmid: COPY, adopted: true }));
    await t.ready('vm/web');
    await t.delete('vm/web');
    expect(t.pve.state.guests.has(COPY) && t.pve.state.guests.has(150)).toBe(true);
    expect(guest.get('description')).toBeUndefined();
  });
});

test.concurrent(
  'once its status is lost, an object overwrites no change of others, and puts no empty disk beside a detached one',
  async () => {
    const { t, guest, vmid } = await made({ powerState: 'Off', disks: [{ name: 'data', size: '2Gi' }] });
    await soon(() => expect(guest.get('scsi1')).toContain('serial=data'));
    await t.ready('vm/web');
    const [volume = ''] = guest.get('scsi1')?.split(',') ?? [];
    t.pve.outside.edit(vmid, { scsi1: null, unused0: volume, memory: 1024 });
    await loseStatus(t);
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Synced');
      expect(is).toContain('Synced=False');
      expect(message).toContain(`qm set ${vmid} --scsi1 ${volume},serial=data`);
      expect(message).toContain('memory');
    });
    expect([guest.get('memory'), guest.get('unused0'), guest.get('scsi1')]).toEqual([
      '1024',
      volume,
      undefined,
    ]);
  },
);

test.concurrent(
  'a backup that was restored under another VMID stays when the object is deleted',
  async () => {
    const { t, vmid } = await made();
    const restored = t.pve.outside.copy(vmid, COPY, 'restore');
    const before = [...restored.config];
    await t.delete('vm/web');
    expect(t.pve.state.guests.has(vmid)).toBe(false);
    expect([...restored.config]).toEqual(before);
  },
);

/** Deleted while no operator runs, and restored without its status meanwhile. */
const deletedWithoutStatus = async (t: Tenant): Promise<void> => {
  await t.patch('vm/web', { spec: { managementPolicy: 'Paused' } });
  await soon(async () => expect(condition(await t.vm('web')).is).toContain('ManagementPaused'));
  await t.requestDeletion('vm/web');
  await loseStatus(t);
  await t.patch('vm/web', { spec: { managementPolicy: 'Full' } });
};

describe('an object that is deleted before its lost status is recovered', () => {
  test.concurrent('takes its guest with it, and no clone', async () => {
    const { t, vmid } = await made();
    t.pve.outside.copy(vmid, COPY, 'clone');
    await deletedWithoutStatus(t);
    await t.gone('vm/web');
    expect(t.pve.state.guests.has(vmid)).toBe(false);
    expect(t.pve.state.guests.has(COPY)).toBe(true);
  });

  test.concurrent('waits where it has two candidates, and destroys neither', async () => {
    const { t, vmid } = await made();
    t.pve.outside.copy(vmid, COPY, 'restore');
    await deletedWithoutStatus(t);
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Stalled');
      expect(is).toBe('Stalled=True AmbiguousIdentity');
      expect(message).toContain('force-delete');
    });
    t.pve.outside.edit(COPY, { description: null });
    await t.lookAgain();
    await t.gone('vm/web');
    expect(t.pve.state.guests.has(vmid)).toBe(false);
    expect(t.pve.state.guests.has(COPY)).toBe(true);
  });
});

describe('a guest under the VMID of an object that has its mark and another UUID', () => {
  test.concurrent('is neither changed nor destroyed, and the message says what settles it', async () => {
    const { t, vmid } = await made({ powerState: 'Off' });
    t.pve.outside.copy(vmid, COPY, 'clone');
    t.pve.outside.delete(vmid);
    // The copy comes back under the number, as after a restore with "Unique".
    const copy = t.pve.outside.copy(COPY, vmid, 'restoreUnique');
    await t.lookAgain();
    const before = [...copy.config];
    const message = await says(t, 'UuidMismatch', `VM ${vmid}`);
    await t.requestDeletion('vm/web');
    await soon(async () => expect((await t.vm('web')).status.phase).toBe('Deleting'));
    await soon(async () => {
      const { is, message: now } = condition(await t.vm('web'), 'Stalled');
      expect(is).toBe('Stalled=True UuidMismatch');
      expect(now).toContain('force-delete');
    });
    expect([...copy.config]).toEqual(before);
    expect(tasksDone(t.pve, 'qmdestroy')).toBe(0);
    t.pve.outside.edit(vmid, { description: lineIn(message) });
    await t.lookAgain();
    await t.gone('vm/web');
    expect(t.pve.state.guests.has(vmid)).toBe(false);
    expect(t.pve.state.guests.has(COPY)).toBe(true);
  });

  test.concurrent('is the object’s again once spec.adopt names it', async () => {
    const { t, vmid } = await made({ powerState: 'Off' });
    t.pve.outside.edit(vmid, { smbios1: `uuid=${FOREIGN_UUID}` });
    // An edit, so that a settled guest is read at once and not only by the drift scan.
    await t.patch('vm/web', { spec: { driftPolicy: 'Report' } });
    await says(t, 'UuidMismatch', `spec.adopt.vmid to ${vmid}`);
    await t.patch('vm/web', { spec: { adopt: { vmid } } });
    await t.ready('vm/web');
    expect(t.pve.state.guests.get(vmid)?.get('description')).toContain(` uuid=${FOREIGN_UUID}`);
  });
});

test.concurrent('spec.adopt on a VM that the operator made changes nothing about its deletion', async () => {
  const { t, vmid } = await made();
  await t.patch('vm/web', { spec: { adopt: { vmid } } });
  await t.ready('vm/web');
  expect((await t.vm('web')).status['adopted']).toBeUndefined();
  await t.delete('vm/web');
  expect(t.pve.state.guests.has(vmid)).toBe(false);
});

test.concurrent('a clone that another object adopts has to lose the copied mark first', async () => {
  const { t, guest, vmid } = await made();
  const copy = t.pve.outside.copy(vmid, COPY, 'clone');
  const adopter = manifest('VirtualMachine', 'second', {
    providerRef: { name: 'pve' },
    classRef: { name: 'small' },
    powerState: 'Off',
    adopt: { vmid: COPY },
  });
  await t.apply(adopter);
  await soon(async () => {
    const { is, message } = condition(await t.vm('second'));
    expect(is).toBe('Ready=False NotAdoptable');
    expect(message).toContain('copy');
    expect(message).toContain(/virtrigaud: .*/.exec(guest.get('description') ?? '')?.[0] ?? 'no mark');
  });
  t.pve.outside.edit(COPY, { description: null });
  await t.lookAgain('second');
  await t.ready('vm/second');
  expect(copy.get('description')).toContain('/second/');
});
