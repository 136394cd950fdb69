/** `/access` and `/version`: login, effective privileges, and the version of PVE. */
import { z } from 'zod';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { epochSeconds, Flag, maybe, members, rows, Word } from './wire.ts';

/** PVE has about forty. */
const MAX_PRIVILEGES = 128;

const Permissions = members(
  z
    .record(z.string(), Flag)
    .transform((held) => Object.fromEntries(Object.entries(held).slice(0, MAX_PRIVILEGES))),
);

/** Effective privileges by ACL path; `true`: the privilege propagates to the paths below. */
export type Permissions = z.output<typeof Permissions>;

const ReleaseText = Word.pipe(z.string().max(64));

/** In PVE 7 `version` is `7.4-16`, later `8.4.1`; `release` is `7.4` and `8.4`. */
export const Version = z
  .object({ version: ReleaseText, release: maybe(ReleaseText) })
  .transform(({ version, release }) => ({
    version,
    release: release ?? version,
    major: Number.parseInt(release ?? version, 10),
  }));
export type Version = z.output<typeof Version>;

/** 0 means never. */
const Expiry = maybe(epochSeconds).transform((at) => (at === undefined || at === 0 ? undefined : at));

const User = z
  .object({ expire: Expiry, tokens: maybe(members(z.object({ expire: Expiry }))) })
  .transform(({ expire, tokens = {} }) => ({ expire, tokens }));

/** When a user, and each of the user's tokens, expires, in epoch ms; `undefined`: never. */
export type User = z.output<typeof User>;

/** It becomes a header. */
const Secret = z
  .string()
  .max(4096)
  .regex(/^[^\p{C}]+$/u);

const TicketReply = z.object({
  ticket: maybe(Secret),
  CSRFPreventionToken: maybe(Secret),
  NeedTFA: Flag,
});

/** Sent without authentication. */
export const LOGIN = endpoint({
  method: 'POST',
  path: '/access/ticket',
  params: z.object({ username: z.string(), password: z.string() }),
  reply: TicketReply,
  needs: [],
  repeatable: true,
  lane: 'checks',
});

export const ACCESS = {
  version: endpoint({
    method: 'GET',
    path: '/version',
    params: z.object({}),
    reply: Version,
    needs: [],
    lane: 'checks',
  }),
  permissions: endpoint({
    method: 'GET',
    path: '/access/permissions',
    params: z.object({}),
    reply: Permissions,
    needs: [],
    lane: 'checks',
  }),
  /** Without `Sys.Audit` on /access/groups it is refused, and the operator works all the same. */
  user: endpoint({
    method: 'GET',
    path: '/access/users/{userid}',
    params: z.object({ userid: z.string() }),
    reply: User,
    needs: [],
    lane: 'checks',
  }),
  /** Those that the credentials may see. */
  pools: endpoint({
    method: 'GET',
    path: '/pools',
    params: z.object({}),
    reply: rows(z.object({ poolid: Word })),
    needs: [],
  }),
} as const;

export interface Access {
  /** The effective privileges of this user or token. */
  permissions(options?: CallOptions): Promise<Permissions>;
  user(userid: string, options?: CallOptions): Promise<User>;
  /** Names of the pools that the credentials may see. */
  pools(options?: CallOptions): Promise<readonly string[]>;
}

export const access = (send: Send): Access => ({
  permissions: (options) => send(ACCESS.permissions, {}, options),
  user: (userid, options) => send(ACCESS.user, { userid }, options),
  pools: async (options) => (await send(ACCESS.pools, {}, options)).map(({ poolid }) => poolid),
});
