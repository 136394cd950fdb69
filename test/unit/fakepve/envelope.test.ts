import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseForm } from '../../fakepve/body.ts';
import { RunningClock } from '../../fakepve/index.ts';
import { withFake } from './client.ts';

test('the certificate is good for the names that clients use', () =>
  withFake({ names: ['pve.test', '192.0.2.7'] }, (_, fake) => {
    const certificate = new X509Certificate(fake.ca);
    expect(certificate.checkHost('pve.test')).toBe('pve.test');
    expect(certificate.checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('other.test')).toBeUndefined();
    return Promise.resolve();
  }));

test('a client without TLS is asked to use it', () =>
  withFake({}, async (_, fake) => {
    const url = `${fake.url.replace('https', 'http')}/api2/json/version`;
    const get = await fetch(url, { redirect: 'manual' });
    expect([get.status, get.headers.get('location')]).toEqual([301, `${fake.url}/api2/json/version`]);
    expect((await fetch(url, { method: 'POST', redirect: 'manual' })).status).toBe(308);
  }));

describe('the envelope', () => {
  test('puts the first line of the message into the reason phrase', () =>
    withFake({}, async (client) => {
      const reply = await client.send('GET', '/nodes/pve1/qemu/999/config');
      expect(reply.status).toBe(500);
      expect(reply.reason).toBe("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist");
      expect(JSON.parse(reply.text)).toMatchObject({ message: `${reply.reason}\n` });
    }));

  test('ends the connection after a refusal and keeps it otherwise', () =>
    withFake({}, async (client) => {
      expect((await client.send('GET', '/nope')).headers['connection']).toBe('close');
      const good = await client.send('GET', '/version', {}, { headers: { connection: 'keep-alive' } });
      expect(good.headers['connection']).toBe('keep-alive');
    }));

  test('refuses a request of an unknown sender, without a body', () =>
    withFake({}, async (client) => {
      const anonymous = await client.send('GET', '/version', {}, { authorization: '' });
      expect([anonymous.status, anonymous.reason, anonymous.text]).toEqual([401, 'No ticket', '']);
      const wrong = await client.send('GET', '/version', {}, { authorization: 'PVEAPIToken=a@b!c=d' });
      expect([wrong.status, wrong.reason, wrong.text]).toEqual([401, 'Authentication failed!', '']);
    }));

  test('answers 501 to unknown paths and verbs, chunked bodies and bodies of DELETE', () =>
    withFake({}, async (client) => {
      expect((await client.send('GET', '/nodes/pve1/lxc')).status).toBe(501);
      expect((await client.send('PATCH', '/version')).reason).toBe("method 'PATCH' not available");
      const chunked = await client.send(
        'POST',
        '/pools',
        {},
        { headers: { 'transfer-encoding': 'chunked' }, body: 'poolid=x' },
      );
      expect(chunked.reason).toBe('chunked transfer encoding not supported');
      const body = await client.send('DELETE', '/pools', {}, { body: 'poolid=x' });
      expect([body.status, body.reason]).toEqual([501, "Unexpected content for method 'DELETE'"]);
    }));

  test('refuses a parameter that says otherwise than the path', () =>
    withFake({}, async (client) => {
      const reply = await client.send('PUT', '/nodes/pve1/qemu/100/config', { vmid: 101 });
      expect(reply.errors['vmid']).toContain('already defined in URI');
    }));

  test('reads forms with the quirks of PVE', () => {
    expect(parseForm('a=1;b=2&a=3')).toEqual({ a: ['1', '3'], b: '2' });
    expect(parseForm('a=b=c&_dc=1&d=x+y%3D')).toEqual({ a: 'b', d: 'x y=' });
  });

  test('logs requests as they were sent, without its own', () =>
    withFake({}, async (client, fake) => {
      await client.send('POST', '/pools', { poolid: 'x' });
      await client.send('GET', '/fakepve/state');
      expect(fake.requests.map(({ method, path, params }) => ({ method, path, params }))).toEqual([
        { method: 'POST', path: '/pools', params: { poolid: 'x' } },
      ]);
    }));
});

interface Login {
  readonly ticket: string;
  readonly CSRFPreventionToken: string;
}

describe('logins', () => {
  const cluster = {
    nodes: [{ name: 'pve1' }],
    users: [{ id: 'jane@pve', password: 'secret' }],
    acls: [{ path: '/', role: 'PVEAdmin', user: 'jane@pve' }],
  };

  test('give a ticket that reads at once and writes with its companion', () =>
    withFake({ cluster }, async (client) => {
      const login = await client.send('POST', '/access/ticket', { username: 'jane@pve', password: 'secret' });
      const authorization = `PVEAuthCookie=${encodeURIComponent((login.data as Login).ticket)}`;
      expect((await client.send('GET', '/pools', {}, { authorization })).status).toBe(200);
      const bare = await client.send('POST', '/pools', { poolid: 'x' }, { authorization });
      expect([bare.status, bare.reason]).toEqual([401, 'Permission denied - invalid csrf token']);
      const headers = { CSRFPreventionToken: (login.data as Login).CSRFPreventionToken };
      expect((await client.send('POST', '/pools', { poolid: 'x' }, { authorization, headers })).status).toBe(
        200,
      );
    }));

  test('and tokens are those of a user whose name has an @, before the one of the realm', () => {
    const userid = 'jane@corp.example@pve';
    const token = { id: `${userid}!k8s`, secret: 'aaaa' };
    const users = [{ id: userid, password: 'secret' }];
    return withFake({ cluster: { ...cluster, users, tokens: [token] } }, async (client) => {
      const named = { username: 'jane@corp.example', realm: 'pve', password: 'secret' };
      for (const params of [named, { username: userid, password: 'secret' }])
        expect((await client.send('POST', '/access/ticket', params)).data).toMatchObject({
          username: userid,
        });
      const authorization = `PVEAPIToken=${token.id}=${token.secret}`;
      expect((await client.send('GET', '/pools', {}, { authorization })).status).toBe(200);
    });
  });

  test('last two hours and can be renewed by the ticket itself', async () => {
    const clock = new RunningClock();
    await withFake({ cluster, clock }, async (client) => {
      const login = async (password: string) =>
        client.send('POST', '/access/ticket', { username: 'jane', realm: 'pve', password });
      const first = ((await login('secret')).data as Login).ticket;
      await clock.advance(90 * 60_000);
      const second = ((await login(first)).data as Login).ticket;
      await clock.advance(60 * 60_000);
      const read = async (ticket: string) =>
        (
          await client.send(
            'GET',
            '/pools',
            {},
            { authorization: `PVEAuthCookie=${encodeURIComponent(ticket)}` },
          )
        ).status;
      expect([await read(first), await read(second)]).toEqual([401, 200]);
    });
  });

  test('fail alike for a wrong password and an unknown user', () =>
    withFake({ cluster }, async (client) => {
      for (const username of ['jane@pve', 'nobody@pve'])
        expect((await client.send('POST', '/access/ticket', { username, password: 'x' })).reason).toBe(
          'authentication failure',
        );
    }));
});
