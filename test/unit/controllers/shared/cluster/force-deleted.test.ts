import { expect, test } from '@jest/globals';
import {
  createForceDeleted,
  forceDeletedIn,
} from '../../../../../controllers/shared/cluster/force-deleted.ts';
import { withForceDeleted } from '../../../../../controllers/provider/discovery.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aRow, aView } from '../../../../builders/views.ts';

const WEB = { vmid: vmid(101), name: 'web', node: 'pve-1' };
const NONE = (): ReadonlySet<never> => new Set();
const aTask = { upid: 'u', node: 'pve-1', type: 'qmclone', id: '101', user: 'a@pve', startedAt: 0 } as never;

function known() {
  let now = 0;
  const forced = createForceDeleted(() => now);
  forced.add('default/pve', WEB);
  const after = (ms: number, ...[view, claimed = NONE]: Parameters<typeof prune>) => {
    now = ms;
    return prune(view, claimed);
  };
  const prune = (view: ReturnType<typeof aView>, claimed: () => ReadonlySet<typeof WEB.vmid> = NONE) => {
    forced.prune('default/pve', view, claimed);
    return forced.reserved((provider) => provider === 'default/pve');
  };
  return { forced, after };
}

test.each([
  ['exists', aView({ guests: [aRow({ vmid: vmid(101) })] })],
  ['may be missing from a list that is old', aView({ staleSince: 1 })],
  ['may exist in the part of the cluster that has quorum', aView({ quorate: 'no' })],
  ['may exist where the credentials may not read the quorum', aView({ quorate: 'unknown' })],
  ['is still being made by a task', aView({ activeTasks: [aTask] })],
])('the VMID of a VM that was deleted by force stays reserved while its guest %s', (_why, view) => {
  expect(known().after(600_000, view)).toEqual([101]);
});

test('it stays reserved for a minute in any case, as a clone may still arrive, and is free after that', () => {
  const { after } = known();
  expect(after(50_000, aView())).toEqual([101]);
  expect(after(70_000, aView())).toEqual([]);
});

test('it is no longer reserved once an object has the guest again', () => {
  const view = aView({ guests: [aRow({ vmid: vmid(101) })] });
  expect(known().after(70_000, view, () => new Set([vmid(101)]))).toEqual([]);
});

test("the Provider's status lists it, also among VMs that could be adopted, and a later process takes it from there", () => {
  const other = { vmid: 100, node: 'pve-1', powerState: 'On' as const };
  const view = aView({ guests: [aRow({ vmid: vmid(101), name: 'web' })] });
  const discovered = withForceDeleted({ count: 1, vms: [other] }, [WEB], view);
  expect(discovered).toMatchObject({
    count: 2,
    vms: [{ vmid: 100 }, { vmid: 101, powerState: 'On', forceDeleted: true }],
  });
  const later = createForceDeleted(() => 0);
  expect(later.of('default/pve', forceDeletedIn({ discovered }))).toMatchObject([{ vmid: 101 }]);
});

test('it is listed although Proxmox VE cannot be asked', () => {
  expect(withForceDeleted(undefined, [WEB], undefined)).toEqual({
    count: 1,
    vms: [{ ...WEB, forceDeleted: true }],
  });
});
