/** Fifty VMs, two operators and foreign VMs: a number each, next to no cost when settled, one operator at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type OperatorPlane,
  operatorProcesses,
  type OperatorProcesses,
  OPERATOR_NAMESPACE,
  startOperatorPlane,
} from '../harness/operator.ts';
import { changes, type Guest, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import type { Server } from '../../../hack/control-plane/processes.ts';
import { tenant, type Tenant, vm } from './tenant.ts';
import { expectNothingLeft, expectOneCloneEach, expectOneGuestEach } from './world.ts';

const VMS = 50;
const FOREIGN_GUESTS = 40;
const WINDOW_S = 20;
/** Seconds. */
const INVENTORY_INTERVAL = 5;
const INVENTORY_REQUESTS = 3;

type Name = 'first' | 'second';

let plane: OperatorPlane;
let operators: OperatorProcesses;
let t: Tenant;
const processes = new Map<Name, Server>();
let foreignGuests: readonly ForeignGuest[] = [];
const names = Array.from({ length: VMS }, (_, n) => `vm-${n}`);

beforeAll(async () => {
  plane = await startOperatorPlane();
  operators = await operatorProcesses(plane);
  t = await tenant(plane);
});
afterAll(async () => {
  await operators.endAll();
  await plane.stop();
});

/** `''`: nobody leads. */
async function leader(): Promise<Name | ''> {
  const holder = await plane.succeed([
    ...['get', 'lease', '-n', OPERATOR_NAMESPACE, '-o', 'jsonpath={.items[*].spec.holderIdentity}'],
  ]);
  const [name = ''] = holder.split('_');
  return name as Name | '';
}
const start = (name: Name): void => void processes.set(name, operators.spawn(name));
const steps = async (name: Name): Promise<number> =>
  (await operators.log(name)).split('"msg":"step"').length - 1;

/** Writes that the API server has answered since its start, by resource. */
async function writes(): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {};
  for (const line of (await plane.succeed(['get', '--raw', '/metrics'])).split('\n')) {
    const [, labels = '', count = '0'] = /^apiserver_request_total\{(.*)\} (\d+)$/.exec(line) ?? [];
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    if (!/^(POST|PUT|PATCH|APPLY|DELETE)$/.test(label('verb'))) continue;
    sums[label('resource')] = (sums[label('resource')] ?? 0) + Number(count);
  }
  return sums;
}

/** By name; the same as before means that nothing was written. */
const versions = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    [...(await t.list('virtualmachines')), ...(await t.list('providers'))].map(({ metadata }) => [
      metadata.name,
      metadata.resourceVersion,
    ]),
  );

interface ForeignGuest {
  readonly guest: Guest;
  /** When it was added. */
  readonly digest: string;
}

/**
 * The process that leads, and the one that waits for it. A machine that stands still for longer than a Lease lasts may
 * have cost the first one its Lease: then it has ended, as it must, and is started again to wait for the second.
 */
async function leaderAndStandby(): Promise<readonly [Name, Name]> {
  expect((await steps('first')) + (await steps('second'))).toBeGreaterThan(VMS);
  if ((await leader()) === 'first') {
    expect(await steps('second')).toBe(0);
    return ['first', 'second'];
  }
  expect(await leader()).toBe('second');
  expect(await operators.log('first')).toContain('leadership lost');
  start('first');
  return ['second', 'first'];
}

/** Adds foreign guests while ours are made, each under the number that Proxmox VE would assign next. */
async function addForeignGuests({ pve }: Tenant, done: AbortSignal): Promise<readonly ForeignGuest[]> {
  const foreignGuests: ForeignGuest[] = [];
  while (!done.aborted && foreignGuests.length < FOREIGN_GUESTS) {
    let vmid = 100;
    while (pve.state.guests.has(vmid)) vmid += 1;
    const guest = pve.addGuest({ vmid, node: 'pve-2', config: { name: `foreign-${vmid}` } });
    foreignGuests.push({ guest, digest: guest.digest });
    await sleep(40);
  }
  return foreignGuests;
}

function expectForeignGuestsUntouched({ pve }: Tenant): void {
  expect(foreignGuests.length).toBeGreaterThan(0);
  for (const { guest, digest } of foreignGuests) {
    expect(pve.state.guests.get(guest.vmid)).toBe(guest);
    expect(guest.digest).toBe(digest);
  }
}

test('nextid-race-50-parallel-creates: fifty VMs in one apply get a number each, while others take numbers too', async () => {
  start('first');
  await soon(async () => expect(await leader()).toBe('first'));
  start('second');
  const made = new AbortController();
  await t.apply(...names.map((name) => vm(name)));
  const adding = addForeignGuests(t, made.signal);
  await t.ready(...names.map((name) => `vm/${name}`));
  made.abort();
  foreignGuests = await adding;
  await expectOneGuestEach(t);
  await expectOneCloneEach(t);
  expect(ownGuests(t.pve)).toHaveLength(VMS);
  expectForeignGuestsUntouched(t);
});

test('fifty VMs that are settled cost Proxmox VE the inventory, and the API server the Lease', async () => {
  await soon(async () => {
    for (const { status } of await t.list('virtualmachines')) expect(status.ipAddresses).not.toEqual([]);
  });
  await sleep(8_000); // until the list of guests shows all of them running

  const [before, asked] = [await writes(), t.pve.requests.length];
  const stored = await versions();
  await sleep(WINDOW_S * 1000);
  const requests = t.pve.requests.slice(asked);
  expect(await versions()).toEqual(stored);
  const after = await writes();
  expect({ ...after, leases: 0 }).toEqual({ ...before, leases: 0 });

  const [inventory, agent, others] = [
    requests.filter(({ path }) => path.startsWith('/cluster/')),
    requests.filter(({ path }) => path.endsWith('/agent/network-get-interfaces')),
    requests.filter(({ path }) => !/^\/cluster\/|\/agent\/network-get-interfaces$/.test(path)),
  ];
  expect(inventory.length).toBeLessThanOrEqual((WINDOW_S / INVENTORY_INTERVAL + 2) * INVENTORY_REQUESTS);
  // In the first half minute after a boot addresses may be late: each VM is read twice more.
  expect(agent.length).toBeLessThanOrEqual(2 * VMS);
  expect(others).toEqual([]);
});

test('the operator that waits takes over from one that was killed, and only makes the pending change', async () => {
  const [leading, standby] = await leaderAndStandby();
  const [done, waited] = [changes(t.pve).length, await steps(standby)];
  const { 'vm-7': _, ...others } = await versions();
  await processes.get(leading)?.end('SIGKILL');
  await t.patch('vm/vm-7', { spec: { powerState: 'Off' } });
  await soon(async () => expect((await t.vm('vm-7')).status.powerState).toBe('Off'));
  expect(await leader()).toBe(standby);
  expect((await steps(standby)) - waited).toBe(1);
  expect(changes(t.pve).slice(done)).toMatchObject([{ path: expect.stringMatching(/\/status\/stop$/) }]);
  expect(ownGuests(t.pve)).toHaveLength(VMS);
  await sleep(2_000); // time for writes about the others, which there must not be
  expect(await versions()).toMatchObject(others);
});

test('fifty VMs that are deleted at once leave nothing behind, and foreign guests untouched', async () => {
  await t.requestDeletionOfVms();
  await t.vmsGone();
  expectNothingLeft(t);
  expectForeignGuestsUntouched(t);
});
