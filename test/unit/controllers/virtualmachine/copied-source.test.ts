/** A VM that is deleted while others are cloned from it. */
import { expect, test } from '@jest/globals';
import { vmid } from '../../../../src/lib/units.ts';
import { SharedGuestLife } from '../../../builders/shared-guest-life.ts';

test('a VM is destroyed only once the clones that are made of it are complete', async () => {
  const life = new SharedGuestLife({ latency: { cloneFull: 90_000 } });
  await life.untilReady();
  const own = life.guest?.vmid ?? 0;
  await life.act(life.elsewhere.clone({ newid: vmid(300), name: 'copy', description: 'copy', full: true }));
  // The list of tasks is read again.
  const asked = life.now;
  await life.until(() => life.now > asked + 20_000);
  life.vm.markDeleted();
  life.wake();
  const message = () => life.conditionOf(life.vmObject, 'Ready')?.message ?? '';
  await life.until(() => message().includes('Another task of Proxmox VE is running'));
  expect(life.pve.world.guests.get(300)?.config.has('lock')).toBe(true);
  await life.until(() => life.vmObject === undefined);
  const ends = life.pve.world.tasks.list().map(({ type, exitstatus }) => [type, exitstatus]);
  expect(ends.filter(([, end]) => end !== 'OK')).toEqual([]);
  expect([...life.pve.world.guests.keys()]).toEqual([9000, 300]);
  expect(life.pve.world.guests.has(own)).toBe(false);
});
