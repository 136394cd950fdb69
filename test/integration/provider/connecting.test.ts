/** Every way to configure how a Provider reaches Proxmox VE, and which server it trusts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { RunningClock } from '../../fakepve/index.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests, tasksDone, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import {
  bareTenant,
  condition,
  credentials,
  provider,
  secret,
  type Tenant,
  TOKEN,
  vm,
  vmClass,
  vmImage,
} from '../operator/tenant.ts';

const PASSWORD = { username: 'virtrigaud@pve', password: 'secure-password' };
/** Longer than the operator's interval between two lists of guests, in tests. */
const ONE_ROUND_MS = 2_500;
const HOUR = 60 * 60 * 1000;

const lab = operatorAtWork({ namespaces: 16 });

const providerSays = (t: Tenant, is: string, message: RegExp) =>
  soon(async () => {
    const ready = condition(await t.find('providers', 'pve'));
    expect(ready.is).toBe(is);
    expect(ready.message).toMatch(message);
  });

const logins = ({ requests }: FakePve) => requests.filter(({ path }) => path === '/access/ticket');

/** A VM is made and deleted again over the connection. */
async function works(t: Tenant): Promise<void> {
  await t.apply(vmClass(), vmImage(), vm('web'));
  await t.ready('provider/pve', 'vm/web');
  expect(ownGuests(t.pve)).toHaveLength(1);
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
}

describe('ca-bundle-and-fingerprint: a server is trusted', () => {
  const WRONG = 'AB'.repeat(32);

  test.concurrent('with its fingerprint among those of the Provider, and no CA', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    const tls = { fingerprints: [WRONG, pve.fingerprint] };
    await t.apply(secret('pve-credentials', TOKEN), provider(pve, { tls }));
    await works(t);
  });

  test.concurrent('with its fingerprint in the Secret', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(
      secret('pve-credentials', { ...TOKEN, PVE_FINGERPRINT: pve.fingerprint.replaceAll(':', '') }),
      provider(pve),
    );
    await t.ready('provider/pve');
  });

  test.concurrent(
    'not with another fingerprint: what was found is reported, and nothing was sent',
    async () => {
      const t = await bareTenant(lab.plane);
      const { pve } = t;
      await t.apply(credentials(pve), provider(pve, { tls: { fingerprints: [WRONG] } }));
      await providerSays(t, 'Ready=False Unreachable', new RegExp(`${pve.fingerprint}.*openssl x509`, 's'));
      expect(pve.requests).toEqual([]);
      await t.apply(provider(pve, { tls: { fingerprints: [pve.fingerprint] } }));
      await t.ready('provider/pve');
    },
  );

  test.concurrent('with the CA in the Provider', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(secret('pve-credentials', TOKEN), provider(pve, { tls: { caBundle: pve.ca } }));
    await t.ready('provider/pve');
  });

  test.concurrent('without verification if the spec requests that, and an event warns of it', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(secret('pve-credentials', TOKEN), provider(pve, { insecureSkipVerify: true }));
    await t.ready('provider/pve');
    await soon(async () => {
      expect(await t.events('TLSNotVerified')).toHaveLength(1);
    });
  });
});

describe('the endpoint', () => {
  test.concurrent.each(['', '/', '/api2', '/api2/json', '/api2/json/'])(
    'ipv6-endpoint, endpoint-with-api2-suffix: may be an IPv6 address followed by "%s"',
    async (path) => {
      const t = await bareTenant(lab.plane, { host: '::1' });
      const { pve } = t;
      await t.apply(credentials(pve), provider({ url: `https://[::1]:${pve.port}${path}` }));
      await t.ready('provider/pve');
      expect((await t.find('providers', 'pve'))?.status['endpoint']).toBe(`https://[::1]:${pve.port}`);
    },
  );

  test.concurrent('may be in the Secret', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(
      secret('pve-credentials', { ...TOKEN, 'ca.crt': pve.ca, PVE_ENDPOINT: `${pve.url}/api2` }),
      provider(pve, { endpoint: undefined }),
    );
    await works(t);
  });
});

describe('with user name and password', () => {
  const withPassword = (pve: FakePve) => secret('pve-credentials', { ...PASSWORD, 'ca.crt': pve.ca });

  test.concurrent('VMs are made and deleted, and one login serves for all of it', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(withPassword(pve), provider(pve));
    await works(t);
    expect(logins(pve)).toHaveLength(1);
    expect(pve.requests.filter(({ status }) => status === 401)).toEqual([]);
  });

  test.concurrent(
    'ticket-renewed-after-2h: a ticket that ended is replaced, and the VM follows its spec as before',
    async () => {
      const clock = new RunningClock();
      const t = await bareTenant(lab.plane, { clock });
      const { pve } = t;
      await t.apply(withPassword(pve), provider(pve), vmClass(), vmImage(), vm('web'));
      await t.ready('vm/web');
      await clock.advance(3 * HOUR);
      await t.patch('vm/web', { spec: { powerState: 'Off' } });
      await soon(() => expect(tasksDone(pve, 'qmstop')).toBe(1));
      await t.ready('vm/web', 'provider/pve');
      expect(guestNamed(pve, 'web').running).toBeUndefined();
      expect(logins(pve).length).toBeGreaterThan(1);
    },
  );

  test.concurrent('a wrong password is reported as such, and the right one is taken up', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    const wrong = { ...PASSWORD, password: 'not-the-password', 'ca.crt': pve.ca };
    await t.apply(secret('pve-credentials', wrong), provider(pve));
    await providerSays(t, 'Ready=False AuthenticationFailed', /authentication failed/);
    expect(JSON.stringify(await t.find('providers', 'pve'))).not.toContain('not-the-password');
    await t.apply(withPassword(pve));
    await t.ready('provider/pve');
  });

  test.concurrent('a user name without its realm is reported as such', async () => {
    const t = await bareTenant(lab.plane);
    const { pve } = t;
    await t.apply(
      secret('pve-credentials', { username: 'root', password: 'secure-password', 'ca.crt': pve.ca }),
      provider(pve),
    );
    await providerSays(t, 'Ready=False CredentialsInvalid', /realm/);
  });
});

test.concurrent('a Provider whose finalizer was removed by hand is asked for nothing any more', async () => {
  const t = await bareTenant(lab.plane);
  const { pve } = t;
  await t.apply(credentials(pve), provider(pve), vmClass(), vmImage(), vm('web'));
  await t.ready('provider/pve', 'vm/web');
  await t.requestDeletion('provider/pve');
  await t.patch('provider/pve', { metadata: { finalizers: null } });
  await t.gone('provider/pve');
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False ProviderNotFound'));
  await sleep(ONE_ROUND_MS); // what was under way has ended
  const asked = pve.requests.length;
  await sleep(3 * ONE_ROUND_MS);
  expect(pve.requests.slice(asked)).toEqual([]);
  expect(ownGuests(pve)).toHaveLength(1);
});
