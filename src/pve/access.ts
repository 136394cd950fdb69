/** `/access` and `/version`: login, effective privileges, and the version of PVE. */
import { z } from 'zod';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { Flag, maybe, Text } from './wire.ts';

const Permissions = z.record(z.string(), z.record(z.string(), Flag));

/** Effective privileges by ACL path; `true`: the privilege propagates to the paths below. */
export type Permissions = z.output<typeof Permissions>;

/** In PVE 7 `version` is `7.4-16`, later `8.4.1`; `release` is `7.4` and `8.4`. */
export const Version = z
  .object({ version: Text, release: maybe(Text) })
  .transform(({ version, release }) => ({
    version,
    release: release ?? version,
    major: Number.parseInt(release ?? version, 10),
  }));
export type Version = z.output<typeof Version>;

const TicketReply = z.object({
  ticket: maybe(z.string()),
  CSRFPreventionToken: maybe(z.string()),
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
} as const;

export interface Access {
  /** The effective privileges of this user or token. */
  permissions(options?: CallOptions): Promise<Permissions>;
}

export const access = (send: Send): Access => ({
  permissions: (options) => send(ACCESS.permissions, {}, options),
});
