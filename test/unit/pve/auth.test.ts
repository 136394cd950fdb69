import { describe, expect, test } from '@jest/globals';
import { minutes, nodeName, vmid } from '../../../src/lib/units.ts';
import { pve } from '../../../src/pve/index.ts';
import {
  answer,
  data,
  reset,
  withServer,
  type RawServer,
  type Received,
  type Respond,
} from './raw-server.ts';

const UPID = 'UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmstart:100:operator@pve:';
const credentials = { kind: 'password', username: 'operator@pve', password: 'swordfish' } as const;

const isLogin = ({ url }: Received): boolean => url.endsWith('/access/ticket');
const logins = (server: RawServer) =>
  server.received.filter(isLogin).map(({ body }) => new URLSearchParams(body).get('password'));

/** Gives out tickets PVE:1, PVE:2 … and serves only those in `good`. */
const ticketing = (good: (ticket: string) => boolean): Respond => {
  let issued = 0;
  return (request, response) => {
    if (isLogin(request)) {
      issued += 1;
      data({ ticket: `PVE:${issued}:+/=`, CSRFPreventionToken: `csrf-${issued}`, username: 'operator@pve' })(
        request,
        response,
      );
      return;
    }
    const ticket = decodeURIComponent((request.headers.cookie ?? '').replace('PVEAuthCookie=', ''));
    (good(ticket) ? data(UPID) : answer(401, 'Permission denied - invalid PVE ticket'))(request, response);
  };
};

const start = (send: Parameters<typeof pve>[0]) => pve(send).node(nodeName('pve1')).qemu(vmid(100)).start();

describe('with a password', () => {
  test('one ticket serves many calls, and changes carry the CSRF token', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(ticketing(() => true));
        await Promise.all([start(transport.send), start(transport.send), start(transport.send)]);
        expect(logins(server)).toEqual(['swordfish']);
        const [call] = server.received.filter((request) => !isLogin(request));
        expect(call!.headers).toMatchObject({
          cookie: 'PVEAuthCookie=PVE%3A1%3A%2B%2F%3D',
          csrfpreventiontoken: 'csrf-1',
        });
        expect(call!.headers.authorization).toBeUndefined();
      },
      { credentials },
    ));

  test('the ticket is traded for a new one after an hour, long before it ends', async () => {
    let now = 0;
    await withServer(
      async ({ server, transport }) => {
        server.replies(ticketing(() => true));
        await start(transport.send);
        now += minutes(59);
        await start(transport.send);
        expect(logins(server)).toHaveLength(1);
        now += minutes(2);
        await start(transport.send);
        expect(logins(server)).toEqual(['swordfish', 'PVE:1:+/=']);
      },
      { credentials, now: () => now },
    );
  });

  test('ticket-renewed-after-2h: a ticket that is too old to be traded costs a login with the password', async () => {
    let now = 0;
    await withServer(
      async ({ server, transport }) => {
        server.replies(ticketing(() => true));
        await start(transport.send);
        now += minutes(180);
        await start(transport.send);
        expect(logins(server)).toEqual(['swordfish', 'swordfish']);
      },
      { credentials, now: () => now },
    );
  });

  test('a refused ticket is replaced once for all calls, and the calls succeed', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(ticketing((ticket) => !ticket.startsWith('PVE:1:')));
        await expect(Promise.all([start(transport.send), start(transport.send)])).resolves.toEqual([
          UPID,
          UPID,
        ]);
        expect(logins(server)).toEqual(['swordfish', 'swordfish']);
      },
      { credentials },
    ));

  test('a call that is refused with the new ticket too is given up', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(ticketing(() => false));
        await expect(start(transport.send)).rejects.toMatchObject({ refusal: 'unauthenticated' });
        expect(logins(server)).toHaveLength(2);
      },
      { credentials },
    ));

  test('a wrong password is reported without repeating it', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(
          answer(401, 'authentication failure', { data: null, message: 'authentication failure\n' }),
        );
        const error: unknown = await start(transport.send).catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          refusal: 'unauthenticated',
          message: expect.stringContaining('authentication failure'),
        });
        expect(String(error)).not.toContain('swordfish');
      },
      { credentials },
    ));

  test('a required second factor is reported as the cause', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(data({ NeedTFA: 1, ticket: 'PVE:!tfa!x', CSRFPreventionToken: 'x' }));
        await expect(start(transport.send)).rejects.toMatchObject({
          refusal: 'unauthenticated',
          message: expect.stringContaining('Use an API token'),
        });
      },
      { credentials },
    ));

  test('a login that got lost leaves no doubt about the change that waited for it', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(reset);
        await expect(start(transport.send)).rejects.toMatchObject({ refusal: 'unavailable' });
        expect(server.received.map(isLogin)).toEqual([true, true, true]);
      },
      { credentials },
    ));
});
