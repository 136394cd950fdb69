import { expect, test } from '@jest/globals';
import { createPrivilegeWatch } from '../../../../controllers/provider/privileges.ts';
import type { ClusterClient } from '../../../../controllers/provider/cluster-client.ts';
import {
  FEATURES,
  neededPrivileges,
  PveError,
  type Need,
  type Permissions,
} from '../../../../src/pve/index.ts';

const COMPLETE: Permissions = {
  '/': Object.fromEntries(
    neededPrivileges({ major: 9, features: FEATURES }).map(({ anyOf }) => [anyOf[0], true]),
  ),
};
const CREDENTIALS = { kind: 'token', id: 'a@pve!b', secret: 's' } as const;
const NEEDS = { credentials: CREDENTIALS, inUse: [] };
const MINUTE = 60_000;
const EXPIRES = 1_800_000_000_000;

function scene() {
  let held: Permissions | Error = COMPLETE;
  let [now, asked] = [0, 0];
  let silentSince: number | undefined;
  const permissions = async ({ signal }: { readonly signal: AbortSignal }) => {
    asked += 1;
    await Promise.resolve();
    signal.throwIfAborted();
    if (held instanceof Error) throw held;
    return held;
  };
  const user = () => Promise.resolve({ expire: EXPIRES, tokens: {} });
  const aClient = () => ({
    pve: { access: { permissions, user } },
    versions: { answering: { major: 9 } },
    inventory: { view: () => ({ staleSince: silentSince }) },
    refusedAt: undefined as number | undefined,
  });
  const [client, another] = [aClient(), aClient()];
  const watch = createPrivilegeWatch(() => now);
  const missing = () => watch.missing(client as unknown as ClusterClient, NEEDS, AbortSignal.timeout(1000));
  return {
    watch,
    client: client as unknown as ClusterClient,
    asked: () => asked,
    grant: (next: Permissions | Error) => void (held = next),
    falls: (silent: boolean) => void (silentSince = silent ? now : undefined),
    refuse: () => void (client.refusedAt = now),
    refuseAnother: () => void (another.refusedAt = now),
    /** Looks every 15 s, as a Provider's passes do, and counts the requests. */
    pass: async (ms: number) => {
      const before = asked;
      const end = now + ms;
      let lacks = await missing();
      while (now < end) {
        now += 15_000;
        lacks = await missing();
      }
      return { requests: asked - before, lacks };
    },
  };
}

test('complete privileges are asked for once in five minutes', async () => {
  const { pass } = scene();
  expect((await pass(0)).requests).toBe(1);
  expect((await pass(20 * MINUTE)).requests).toBe(4);
});

test('what several Providers that share a connection want to know at once is asked once', async () => {
  const { watch, client, asked } = scene();
  const missing = (signal: AbortSignal) => watch.missing(client, NEEDS, signal);
  const [ending, other] = [new AbortController(), AbortSignal.timeout(1000)];
  const answers = [missing(other), missing(other), missing(ending.signal)];
  expect(await Promise.all(answers)).toEqual(Array(3).fill({ required: [], optional: [], commands: [] }));
  expect(asked()).toBe(1);
});

test('a Provider whose pass ends leaves the others an answer', async () => {
  const { watch, client, asked } = scene();
  const ending = new AbortController();
  const ended = watch.missing(client, NEEDS, ending.signal);
  const other = watch.missing(client, NEEDS, AbortSignal.timeout(1000));
  ending.abort(new Error('The pass ends.'));
  await expect(ended).rejects.toThrow('The pass ends.');
  await expect(other).resolves.toMatchObject({ commands: [] });
  expect(asked()).toBe(2);
});

test('when the credentials expire is asked together with the privileges, and known from then on', async () => {
  const { watch, client, pass } = scene();
  expect(watch.expiry(client)).toBeUndefined();
  await pass(0);
  expect(watch.expiry(client)).toEqual({ at: EXPIRES, user: 'a@pve' });
});

test('a refusal is followed by a new look within a minute', async () => {
  const { pass, refuse, grant } = scene();
  await pass(MINUTE);
  grant({});
  refuse();
  const { requests, lacks } = await pass(MINUTE);
  expect(requests).toBeGreaterThan(0);
  expect(lacks?.required).not.toEqual([]);
});

test('a refusal of another connection is no reason to ask', async () => {
  const { pass, refuseAnother } = scene();
  await pass(MINUTE);
  refuseAnother();
  expect((await pass(MINUTE)).requests).toBe(0);
});

test('what is granted shows within a minute', async () => {
  const { pass, grant } = scene();
  grant({});
  expect((await pass(5 * MINUTE)).lacks?.commands).not.toEqual([]);
  grant(COMPLETE);
  expect((await pass(MINUTE)).lacks?.commands).toEqual([]);
});

test('while Proxmox VE does not answer, what was known stays', async () => {
  const { pass, grant } = scene();
  await pass(0);
  grant(
    new PveError({
      refusal: 'unavailable',
      method: 'GET',
      route: '/access/permissions',
      code: 'timeout',
      message: 'no answer',
    }),
  );
  expect((await pass(10 * MINUTE)).lacks?.commands).toEqual([]);
});

test('nothing is asked of a Proxmox VE that is known not to answer', async () => {
  const { pass, falls } = scene();
  await pass(0);
  falls(true);
  expect((await pass(20 * MINUTE)).requests).toBe(0);
  falls(false);
  expect((await pass(0)).requests).toBe(1);
});

test('a resource mapping that VMs begin to use is judged without asking again', async () => {
  const { watch, client, pass, asked } = scene();
  await pass(0);
  const before = asked();
  const mappings: readonly Need[] = [
    { path: '/mapping/pci/gpu', anyOf: ['Mapping.Use'], since: 8, feature: 'devices' },
  ];
  const lacks = await watch.missing(client, { ...NEEDS, inUse: mappings }, AbortSignal.timeout(1000));
  expect(lacks?.optional).toEqual(mappings);
  expect(asked()).toBe(before);
});
