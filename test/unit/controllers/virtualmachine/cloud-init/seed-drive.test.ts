import { describe, expect, test } from '@jest/globals';
import {
  awaitsBoot,
  hasBootedSince,
  ejections,
  isEjected,
  seedDrives,
  CONSUMED_AFTER,
} from '../../../../../controllers/virtualmachine/cloud-init/seed-drive.ts';
import { deliveryStatus } from '../../../../../controllers/virtualmachine/cloud-init/status.ts';
import type { VirtualMachineInternal } from '../../../../../src/api/index.ts';
import { Life } from '../../../../builders/life.ts';
import { aGuest, aMark, configOf, NOW } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';

const VOLUME = 'local:iso/virtrigaud-101-0123456789abcdef01234567.iso';
const OLD = 'local:iso/virtrigaud-101-ffffffffffffffffffffffff.iso';
const MINUTE = 60_000;

const guest = (change: Parameters<typeof aGuest>[0] = {}, volume = VOLUME) =>
  aGuest({
    config: configOf(aMark(), {
      ide2: `${volume},media=cdrom,size=366K`,
      ide0: 'local:iso/debian.iso,media=cdrom',
    }),
    uptimeMs: MINUTE,
    ...change,
  });

function emptied(
  cloudInit: Partial<VirtualMachineInternal['cloudInit']> = {},
  of = guest(),
  images?: readonly string[],
): readonly string[] {
  const vm = aVirtualMachine({
    status: { internal: { cloudInit: { mode: 'Image', volume: VOLUME, ...cloudInit } } },
  });
  return Object.keys(ejections(vm, of, { plan: undefined, images, now: NOW }).set);
}

describe('the drive with our image', () => {
  test('is known by the name of the image, and no other drive is ours', () => {
    expect(seedDrives(guest())).toEqual([{ device: 'ide2', volume: VOLUME }]);
    expect(seedDrives(guest({}, 'local:iso/virtrigaud-102-0123456789abcdef01234567.iso'))).toEqual([]);
  });

  test('keeps the image until the guest has read it', () => {
    expect(emptied()).toEqual([]);
    expect(emptied({}, guest({ running: false }))).toEqual([]);
  });

  test('is emptied when it has served, running or not', () => {
    expect(emptied({ consumed: true })).toEqual(['ide2']);
    expect(emptied({ consumed: true }, guest({ running: false }))).toEqual(['ide2']);
  });

  test('is emptied after a quarter of an hour without a guest agent, but not before the boot that reads it', () => {
    expect(emptied({}, guest({ uptimeMs: CONSUMED_AFTER }))).toEqual(['ide2']);
    expect(emptied({}, guest({ uptimeMs: CONSUMED_AFTER - 1 }))).toEqual([]);
    const deliveredAt = new Date(NOW - MINUTE).toISOString();
    expect(emptied({ deliveredAt }, guest({ uptimeMs: CONSUMED_AFTER }))).toEqual([]);
  });

  test('is emptied of an image that a rollback restored', () => {
    expect(emptied({}, guest({}, OLD))).toEqual(['ide2']);
    expect(emptied({ volume: undefined }, guest({ running: false }, OLD))).toEqual(['ide2']);
  });
});

describe('the drive with an image that was kept for a snapshot', () => {
  const kept = { consumed: true, keptBy: 'first' };
  const off = guest({ running: false });

  test('keeps it after a rollback: the restored disks may not have seen it', () => {
    expect(emptied(kept, off)).toEqual([]);
    expect(emptied(kept, off, [VOLUME])).toEqual([]);
  });

  test('is emptied if the image was deleted: the guest would not start', () => {
    expect(emptied(kept, off, [])).toEqual(['ide2']);
  });

  test('has it again from the next boot on, until that has read it', () => {
    const before = { mode: 'Image' as const, volume: VOLUME, ...kept };
    const vm = aVirtualMachine({ status: { internal: { cloudInit: before } } });
    const status = (of: typeof off, answered: boolean) =>
      deliveryStatus(vm, { guest: of, plan: undefined, answered, now: NOW });
    expect(status(off, false)).toEqual(kept);
    expect(status(guest(), false)).toEqual({});
    expect(status(guest(), true)).toEqual({ consumed: true });
  });
});

describe('the image of a guest whose agent answers', () => {
  const vm = aVirtualMachine({ status: { internal: { cloudInit: { mode: 'Image', volume: VOLUME } } } });
  const withSystem = (ostype: string) => {
    const { config, ...others } = guest();
    return { ...others, config: { ...config, ostype } };
  };
  const status = (ostype: string) =>
    deliveryStatus(vm, { guest: withSystem(ostype), plan: undefined, answered: true, now: NOW });

  test('has been read', () => {
    expect(status('l26')).toEqual({ consumed: true });
  });

  test('stays for a quarter of an hour if it is Windows, whose agent runs before cloudbase-init has read it', () => {
    for (const ostype of ['win11', 'win10', 'w2k8']) expect(status(ostype)).toEqual({});
    expect(emptied({}, withSystem('win11'))).toEqual([]);
    expect(emptied({}, { ...withSystem('win11'), uptimeMs: CONSUMED_AFTER })).toEqual(['ide2']);
  });
});

describe('data that was delivered to a guest', () => {
  const deliveredAt = new Date(NOW - MINUTE).toISOString();
  const delivered = { mode: 'Image' as const, deliveredAt };

  test('waits for a start after that', () => {
    expect(awaitsBoot(delivered, guest({ uptimeMs: 2 * MINUTE }), NOW)).toBe(true);
    expect(awaitsBoot(delivered, guest({ uptimeMs: MINUTE / 2 }), NOW)).toBe(false);
    expect(awaitsBoot(delivered, guest({ running: false }), NOW)).toBe(false);
    expect(awaitsBoot({ mode: 'Image' }, guest(), NOW)).toBe(false);
    expect(hasBootedSince({ mode: 'Image' }, guest(), NOW)).toBe(true);
  });
});

test('an image is out of the guest only when what runs has released of it too', () => {
  const empty = configOf(aMark(), { ide2: 'none,media=cdrom' });
  expect(isEjected(VOLUME, guest())).toBe(false);
  expect(isEjected(VOLUME, guest({ config: empty }))).toBe(true);
  const pending = [{ key: 'ide2', current: `${VOLUME},media=cdrom`, pending: 'none,media=cdrom' }];
  expect(isEjected(VOLUME, guest({ config: empty, pending }))).toBe(false);
});

describe('in the life of a VM', () => {
  const INLINE = { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } };
  const drive = (life: Life) => life.pve.guestsOf(UID)[0]?.config['ide2'];

  test('the image is deleted when the agent answers, and nothing of it is left', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.untilReady();
    await life.until(() => life.status.internal?.cloudInit?.volume === undefined);
    expect(drive(life)).toContain('none,media=cdrom');
    expect([...life.pve.volumes]).toEqual([]);
    expect(life.pve.guestsOf(UID)[0]?.running).toBe(true);
    await life.untilReady();
  });

  test('the image stays as long as a snapshot contains it, and no longer', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.until(() => life.pve.guestsOf(UID)[0] !== undefined);
    const guest_ = life.pve.guestsOf(UID)[0]!;
    guest_.agent = 'silent';
    await life.untilReady();
    const snapshot = { description: '', memory: false, takenAt: life.now, parent: undefined };
    guest_.snapshots.set('other', { ...snapshot, config: {} });
    guest_.snapshots.set('first', { ...snapshot, config: { ...guest_.config } });
    guest_.agent = 'running';
    life.process.processStates.invalidate(UID);
    await life.until(() => life.status.internal?.cloudInit?.keptBy === 'first');
    expect(drive(life)).toContain('none,media=cdrom');
    await life.untilAtRest();
    expect(life.pve.volumes.size).toBe(1);
    guest_.snapshots.delete('first');
    life.process.processStates.invalidate(UID);
    await life.until(() => life.status.internal?.cloudInit?.volume === undefined);
    expect([...life.pve.volumes]).toEqual([]);
    expect(life.status.internal?.cloudInit?.keptBy).toBeUndefined();
  });

  test('a guest without an agent keeps it for a quarter of an hour', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.until(() => life.pve.guestsOf(UID)[0] !== undefined);
    life.pve.guestsOf(UID)[0]!.agent = 'silent';
    await life.untilReady();
    expect(life.pve.volumes.size).toBe(1);
    const started = life.pve.guestsOf(UID)[0]!.startedAt;
    await life.until(() => {
      life.process.processStates.invalidate(UID);
      return life.status.internal?.cloudInit?.volume === undefined;
    });
    expect(life.now - started).toBeGreaterThanOrEqual(CONSUMED_AFTER);
    expect([...life.pve.volumes]).toEqual([]);
  });

  test('new user-data comes with the next boot as another instance, and is gone after it', async () => {
    const spec = { userData: { ...INLINE.userData, onChange: 'NextBoot' as const } };
    const life = new Life({ vm: { spec } });
    await life.untilReady();
    await life.until(() => life.status.internal?.cloudInit?.volume === undefined);
    life.store.editSpec({ userData: { ...spec.userData, cloudInit: { inline: '#!/bin/sh\n' } } });
    await life.until(() => life.conditions['RestartRequired'] === 'True');
    await life.until(() => life.conditions['Ready'] === 'True');
    const guest_ = life.pve.guestsOf(UID)[0]!;
    expect(drive(life)).toContain(life.status.internal?.cloudInit?.volume ?? 'none');
    expect(life.status.internal?.cloudInit?.instanceRevision).toBe(1);
    // Stopped in Proxmox VE; power On starts it again.
    guest_.running = false;
    life.process.processStates.invalidate(UID);
    await life.until(() => life.status.internal?.cloudInit?.volume === undefined);
    expect(life.conditions['RestartRequired']).toBeUndefined();
    expect([...life.pve.volumes]).toEqual([]);
  });
});
