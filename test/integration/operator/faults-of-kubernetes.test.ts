/** With any fault between the operator and the API server, and any number of operators: one guest for each object. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cuttingWatches, isStatusWrite, intercepting } from '../harness/api-faults.ts';
import {
  keepOperator,
  type OwnOperatorPlane,
  type OperatorSetting,
  OPERATOR_NAMESPACE,
  startOperator,
  startOperatorPlane,
} from '../harness/operator.ts';
import { cloneRequests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { tenant, type Tenant, userData, vm } from './tenant.ts';
import { expectNothingLeft, expectOneCloneEach, expectOneGuestEach } from './world.ts';

let plane: OwnOperatorPlane;

beforeAll(async () => {
  plane = await startOperatorPlane();
});
afterAll(() => plane.stop());

const named = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `vm-${n}`);
const wanted = (names: readonly string[]) => names.map((name) => vm(name, { userData }));

/** Each test has operators of its own, and they are stopped before the next begins. */
async function withOperators(settings: readonly OperatorSetting[], work: () => Promise<void>): Promise<void> {
  const operators = await Promise.all(settings.map((setting) => startOperator(plane, setting)));
  try {
    await work();
  } finally {
    await Promise.all(operators.map((operator) => operator.stop()));
  }
}

/** All VMs are created, with one guest each, and deleted. */
async function createAndDelete(
  t: Tenant,
  names: readonly string[],
  meanwhile?: () => Promise<void>,
): Promise<void> {
  await t.apply(...wanted(names));
  await meanwhile?.();
  await t.ready(...names.map((name) => `vm/${name}`));
  await expectOneGuestEach(t);
  await expectOneCloneEach(t);
  await t.requestDeletionOfVms();
  await meanwhile?.();
  await t.vmsGone();
  expectNothingLeft(t);
}

test('double-create-on-status-conflict: every status write is refused with 409 at first, and many again', async () => {
  const t = await tenant(plane);
  let writes = 0;
  const conflicting = intercepting(async (request) => {
    if (!isStatusWrite(request)) return;
    writes += 1;
    // A write that is refused is tried once more. If both are, the pass is lost, with what it started.
    if (writes % 5 > 1) return;
    const metadata = { annotations: { 'example.com/other': String(writes) } };
    await plane.api.patch(request.path.replace(/\/status$/, ''), { metadata });
  });
  await withOperators([{ through: conflicting }], async () => {
    await createAndDelete(t, named(6));
    expect(cloneRequests(t.pve)).toHaveLength(6);
    expect(writes).toBeGreaterThan(60);
  });
});

test('a status write that never arrives, or whose answer is lost, leads to no second guest', async () => {
  const t = await tenant(plane);
  let writes = 0;
  const lossy = intercepting((request) => {
    if (isStatusWrite(request) && (writes += 1) % 3 === 1)
      return Promise.reject(new Error('connection reset'));
    return Promise.resolve();
  });
  await withOperators([{ through: lossy }], async () => {
    await createAndDelete(t, named(4));
    expect(cloneRequests(t.pve)).toHaveLength(4);
  });
});

test('the API server is restarted while VMs are created and deleted', async () => {
  const t = await tenant(plane);
  await withOperators([{}], () => createAndDelete(t, named(4), () => plane.restartApiServer()));
});

test('watches are cut all the time while VMs are created and deleted', async () => {
  const t = await tenant(plane);
  const cut = new Set<string>();
  const through = cuttingWatches(300, (plural) => cut.add(plural));
  await withOperators([{ through }], () => createAndDelete(t, named(4)));
  for (const plural of ['providers', 'virtualmachines', 'vmclasses', 'vmimages'])
    expect(cut).toContain(plural);
});

test('two operators that both consider themselves the leader make one guest for each object', async () => {
  const t = await tenant(plane);
  await withOperators([{}, {}], () => createAndDelete(t, named(8)));
});

test('leadership that is lost in the middle of a clone request leaves the clone to the next leader', async () => {
  const t = await tenant(plane);
  t.pve.faults.add({ kind: 'delay', method: 'POST', path: '/clone$', ms: 4_000, times: 1 });
  const lease = `/apis/coordination.k8s.io/v1/namespaces/${OPERATOR_NAMESPACE}/leases/virtrigaud-proxmox`;
  const first = await startOperator(plane, { leaderElect: true, expected: /leadership lost/ });
  await soon(() => expect(first.leads).toBe(true));
  await t.apply(vm('web'));
  await soon(async () => expect((await t.vm('web')).status.vmid).toBeDefined());
  await soon(() => expect(t.pve.faults.unstruck()).toEqual([])); // the request is there, and is answered after four seconds
  // As if its Lease had expired meanwhile, and another process had acquired and released it.
  await plane.api.patch(lease, { spec: { holderIdentity: 'another' } });
  await soon(() => expect(first.leads).toBe(false));
  await plane.api.patch(lease, { spec: { holderIdentity: '' } });
  const next = await keepOperator(plane);
  await t.ready('vm/web');
  await first.stop();
  await expectOneGuestEach(t);
  expect(tasksDone(t.pve, 'qmclone')).toBe(1);
  await t.delete('vm/web');
  expectNothingLeft(t);
  await next.stop();
});
