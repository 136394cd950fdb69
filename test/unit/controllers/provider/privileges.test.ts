import { expect, test } from '@jest/globals';
import { createPrivilegeWatch } from '../../../../controllers/provider/privileges.ts';
import type { ClusterClient } from '../../../../controllers/provider/connect.ts';
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
  let [now, asked, refusedAt]: [number, number, number | undefined] = [0, 0, undefined];
  const permissions = () => {
    asked += 1;
    return held instanceof Error ? Promise.reject(held) : Promise.resolve(held);
  };
  const client = { pve: { access: { permissions } }, version: { major: 9 } } as unknown as ClusterClient;
  const watch = createPrivilegeWatch({ now: () => now, refusedAt: () => refusedAt });
  return {
    grant: (next: Permissions | Error) => void (held = next),
    refuse: () => void (refusedAt = now),
    /** Looks every 15 s, as a Provider's passes do, and counts the requests. */
    pass: async (ms: number) => {
      const before = asked;
      const end = now + ms;
      let lacks = await watch.lacks(client, CREDENTIALS, AbortSignal.timeout(1000));
      while (now < end) {
        now += 15_000;
        lacks = await watch.lacks(client, CREDENTIALS, AbortSignal.timeout(1000));
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
