/** What must be true of a tenant's Proxmox VE after any faults. */
import { expect } from '@jest/globals';
import { images, orphans, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import type { Tenant } from './tenant.ts';

/** For objects that are Ready: each has its guest, no guest is too many, and nothing is left over. */
export async function expectOneGuestEach(t: Tenant): Promise<void> {
  const objects = await t.list('virtualmachines');
  const claimed = objects.map(({ metadata, status }) => [metadata.name, status.vmid]);
  const made = ownGuests(t.pve).map((guest) => [guest.get('name'), guest.vmid]);
  expect(made.toSorted()).toEqual(claimed.toSorted());
  expect(orphans(t.pve)).toEqual([]);
  await soon(() => expect(images(t.pve).map(({ volid }) => volid)).toEqual([]));
}

/** As many clones were made as there are objects: none was thrown away. The outcome of one may be unknown. */
export async function expectOneCloneEach(t: Tenant): Promise<void> {
  const made = t.pve.state.tasks
    .list()
    .filter(({ type, exitstatus = '' }) => type === 'qmclone' && /^(OK|WARN|unexpected)/.test(exitstatus));
  expect(made).toHaveLength((await t.list('virtualmachines')).length);
}

export function expectNothingLeft({ pve }: Tenant): void {
  expect(ownGuests(pve)).toEqual([]);
  expect(images(pve)).toEqual([]);
  expect(orphans(pve)).toEqual([]);
}
