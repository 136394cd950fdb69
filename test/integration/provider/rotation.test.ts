/** Credentials and authorities are replaced in the Secret while everything runs: no restart, nothing interrupted. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, tasksDone, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import {
  bareTenant,
  condition,
  provider,
  secret,
  tenant,
  type Tenant,
  TOKEN,
  vm,
  vmClass,
  vmImage,
} from '../operator/tenant.ts';
import { tlsFront } from './tls-front.ts';

const lab = operatorAtWork({ namespaces: 6 });

const NEXT = {
  token_id: 'virtrigaud@pve!vrtg-token-2',
  token_secret: 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy',
};

const patchSecret = (t: Tenant, stringData: Readonly<Record<string, string>>) =>
  t.patch('secret/pve-credentials', { stringData });
const power = (t: Tenant, name: string, powerState: string) =>
  t.patch(`vm/${name}`, { spec: { powerState } });
const revoke = ({ state }: FakePve, { token_id: id } = TOKEN) => state.access.tokens.delete(id);

const userOf = async (t: Tenant): Promise<unknown> => (await t.find('providers', 'pve'))?.status['user'];

/** Creates the next token; gives how often it was shown since. */
function grantNext({ state: { access } }: FakePve): () => number {
  let shown = 0;
  const old = access.tokens.get(TOKEN.token_id)!;
  access.tokens.set(NEXT.token_id, {
    ...old,
    id: NEXT.token_id,
    name: 'vrtg-token-2',
    get secret() {
      shown += 1;
      return NEXT.token_secret;
    },
  });
  access.grant({ path: '/', kind: 'token', subject: NEXT.token_id, role: 'VirtRigaud', propagate: true });
  return () => shown;
}

/** Every Ready condition that the Provider and the VMs were seen with. */
function watchReady(t: Tenant): { readonly seen: Set<string>; readonly stop: () => Promise<void> } {
  const seen = new Set<string>();
  const going = new AbortController();
  const running = (async () => {
    while (!going.signal.aborted) {
      const objects = [...(await t.list('virtualmachines')), ...(await t.list('providers'))];
      for (const object of objects) seen.add(condition(object).is);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    seen,
    async stop() {
      going.abort();
      await running;
    },
  };
}

test.concurrent(
  'secret-rotation-without-restart: a token that is replaced before it is revoked is never missed',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'), vm('db'));
    await t.ready('provider/pve', 'vm/web', 'vm/db');
    const ready = watchReady(t);
    const shown = grantNext(t.pve);
    await patchSecret(t, NEXT);
    await soon(() => expect(shown()).toBeGreaterThan(0));
    // What the guide waits for before the old one is revoked.
    await soon(async () => expect(await userOf(t)).toBe(NEXT.token_id));
    revoke(t.pve);
    await power(t, 'web', 'Off');
    await soon(() => expect(tasksDone(t.pve, 'qmstop')).toBe(1));
    await t.ready('provider/pve', 'vm/web', 'vm/db');
    await ready.stop();
    expect([...ready.seen].filter((is) => /Auth|Unreachable|NotReady|Refused/.test(is))).toEqual([]);
    expect(t.pve.requests.filter(({ status }) => status === 401)).toEqual([]);
  },
);

test.concurrent(
  'a token that is revoked as soon as the Secret has the next is replaced at once',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await t.ready('provider/pve', 'vm/web');
    grantNext(t.pve);
    await patchSecret(t, NEXT);
    revoke(t.pve);
    await power(t, 'web', 'Off');
    await soon(() => expect(tasksDone(t.pve, 'qmstop')).toBe(1));
    await t.ready('provider/pve', 'vm/web');
  },
);

test.concurrent('a token that is revoked first is missed until the Secret has the next', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('provider/pve', 'vm/web');
  grantNext(t.pve);
  revoke(t.pve);
  await soon(async () => {
    expect(condition(await t.find('providers', 'pve')).is).toBe('Ready=False AuthenticationFailed');
  });
  await power(t, 'web', 'Off');
  await patchSecret(t, NEXT);
  await t.ready('provider/pve');
  await soon(() => expect(tasksDone(t.pve, 'qmstop')).toBe(1));
  await t.ready('vm/web');
});

test.concurrent('an authority that is replaced in the Secret is taken up', async () => {
  const t = await bareTenant(lab.plane);
  const { pve } = t;
  const front = await tlsFront(pve);
  lab.plane.defer(() => front.close());
  await t.apply(
    secret('pve-credentials', { ...TOKEN, 'ca.crt': front.certificate.cert }),
    provider(front),
    vmClass(),
    vmImage(),
    vm('web'),
  );
  await t.ready('provider/pve', 'vm/web');
  const { cert } = front.renew();
  await soon(async () => {
    const { is, message } = condition(await t.find('providers', 'pve'));
    expect(is).toBe('Ready=False Unreachable');
    expect(message).toContain('certificate');
  });
  await patchSecret(t, { 'ca.crt': cert });
  await t.ready('provider/pve');
  await power(t, 'web', 'Off');
  await soon(() => expect(guestNamed(pve, 'web').running).toBeUndefined());
  await t.ready('vm/web');
});

test.concurrent('a Secret that became wrong leaves the VMs the connection that they have', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('provider/pve', 'vm/web');
  await patchSecret(t, NEXT);
  await soon(async () => {
    expect(condition(await t.find('providers', 'pve')).is).toBe('Ready=False AuthenticationFailed');
  });
  // So nobody who waits for the next token takes the former one for it, and revokes that.
  expect(await userOf(t)).toBe(TOKEN.token_id);
  await power(t, 'web', 'Off');
  await soon(() => expect(tasksDone(t.pve, 'qmstop')).toBe(1));
  await patchSecret(t, TOKEN);
  await t.ready('provider/pve', 'vm/web');
});
