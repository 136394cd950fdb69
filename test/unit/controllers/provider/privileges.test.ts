import { expect, test } from '@jest/globals';
import { createPrivilegeWatch } from '../../../../controllers/provider/privileges.ts';
import type { ClusterClient } from '../../../../controllers/provider/cluster-client.ts';
import { FEATURES, neededPrivileges, PveError, type Permissions } from '../../../../src/pve/index.ts';

const COMPLETE: Permissions = {
  '/': Object.fromEntries(
    neededPrivileges({ major: 9, features: FEATURES }).map(({ anyOf }) => [anyOf[0], true]),
  ),
};
const CREDENTIALS = { kind: 'token', id: 'a@pve!b', secret: 's' } as const;
const MINUTE = 60_000;

function scene() {
  let held: Permissions | Error = COMPLETE;
  let [now, asked] = [0, 0];
  let silentSince: number | undefined;
  const permissions = () => {
    asked += 1;
    return held instanceof Error ? Promise.reject(held) : Promise.resolve(held);
  };
  const aClient = () => ({
    pve: { access: { permissions } },
    versions: { answering: { major: 9 } },
    inventory: { view: () => ({ staleSince: silentSince }) },
    refusedAt: undefined as number | undefined,
  });
  const [client, another] = [aClient(), aClient()];
  const watch = createPrivilegeWatch(() => now);
  const missing = () =>
    watch.missing(client as unknown as ClusterClient, CREDENTIALS, AbortSignal.timeout(1000));
  return {
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
