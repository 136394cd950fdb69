import { describe, expect, test } from '@jest/globals';
import { createExpiryNews, readExpiry, type Expiry } from '../../../../controllers/provider/expiry.ts';
import { PveError, type Permissions } from '../../../../src/pve/index.ts';

const TOKEN = { kind: 'token', id: "o'hara@pve!k8s", secret: 's' } as const;
const PASSWORD = { kind: 'password', username: 'operator@pve', password: 'p' } as const;
const AUDITS: Permissions = { '/access/groups': { 'Sys.Audit': true } };
const DAY = 86_400_000;
const AT = Date.UTC(2026, 11, 24, 12);

interface Found {
  readonly expire: number | undefined;
  readonly tokens: Readonly<Record<string, { readonly expire: number | undefined }>>;
}

function server(found: Found | Error) {
  const asked: string[] = [];
  const user = (userid: string) => {
    asked.push(userid);
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  };
  return { asked, access: { user } };
}

const expiryOf = (
  found: Found | Error,
  {
    credentials = TOKEN,
    held = AUDITS,
  }: { credentials?: typeof TOKEN | typeof PASSWORD; held?: Permissions } = {},
) => readExpiry(server(found).access, { credentials, held, signal: AbortSignal.timeout(1000) });

describe('the credentials of a Provider expire', () => {
  test('with their token', async () => {
    const found = { expire: undefined, tokens: { k8s: { expire: AT }, other: { expire: 1 } } };
    expect(await expiryOf(found)).toEqual({ at: AT, user: "o'hara@pve", token: 'k8s' });
  });

  test('with their user, if that is earlier', async () => {
    const found = { expire: AT, tokens: { k8s: { expire: AT + DAY } } };
    expect(await expiryOf(found)).toEqual({ at: AT, user: "o'hara@pve" });
    expect(await expiryOf(found, { credentials: PASSWORD })).toEqual({ at: AT, user: 'operator@pve' });
  });

  test('never, if neither does', async () => {
    expect(await expiryOf({ expire: undefined, tokens: { k8s: { expire: undefined } } })).toBeUndefined();
    expect(await expiryOf({ expire: undefined, tokens: {} })).toBeUndefined();
  });

  test('at a time that nobody asks for without the privilege to read it', async () => {
    const { access, asked } = server({ expire: AT, tokens: {} });
    const signal = AbortSignal.timeout(1000);
    const held = { '/access/groups': { 'VM.Audit': true }, '/nodes': { 'Sys.Audit': true } };
    expect(await readExpiry(access, { credentials: TOKEN, held, signal })).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test('at a time that is not known where Proxmox VE refuses to say it', async () => {
    const refused = new PveError({
      refusal: 'forbidden',
      method: 'GET',
      route: '/access/users/{userid}',
      code: '403',
      message: 'no',
    });
    expect(await expiryOf(refused)).toBeUndefined();
  });
});

describe('that they expire soon', () => {
  const scene = () => {
    const news = createExpiryNews();
    return {
      on: (daysBefore: number, expiry: Expiry | undefined = { at: AT, user: 'a@pve', token: 'k8s' }) => {
        const now = new Date(AT - daysBefore * DAY);
        return news('default/pve', expiry, now).map(({ message }) => message);
      },
    };
  };

  test('is announced once a day from two weeks before on', () => {
    const { on } = scene();
    expect([20, 14.1, 13.9, 13.5, 12.8, 0.5].map((days) => on(days).length)).toEqual([0, 0, 1, 0, 1, 1]);
  });

  test('names the time and the command that helps', () => {
    const { on } = scene();
    expect(on(2)).toEqual([
      "The API token a@pve!k8s expires at 2026-12-24T12:00:00.000Z. From then on nothing is read or changed in Proxmox VE. Extend it on a node: pveum user token modify 'a@pve' 'k8s' --expire 0 (never), or put another one into the Secret.",
    ]);
    expect(scene().on(2, { at: AT, user: 'a@pve' })[0]).toContain("pveum user modify 'a@pve' --expire 0");
  });

  test('is announced again after it was extended and expires again', () => {
    const { on } = scene();
    expect(on(2)).toHaveLength(1);
    expect(on(1.9, { at: AT + 100 * DAY, user: 'a@pve' })).toEqual([]);
    expect(on(1.8)).toHaveLength(1);
  });
});
