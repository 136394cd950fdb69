/** `/access` and `/version`: who we are to PVE, what we may do, and which PVE it is. */
import { z } from 'zod';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { Flag, maybe, Text } from './wire.ts';

const Permissions = z.record(z.string(), z.record(z.string(), Flag));

/** Per ACL path the privileges held there; `true`: they extend to everything below. */
export type Permissions = z.output<typeof Permissions>;

const Version = z.object({ version: Text, release: maybe(Text) }).transform(({ version, release }) => ({
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

/** Needs no identity. */
export const LOGIN = endpoint({
  method: 'POST',
  path: '/access/ticket',
  params: z.object({ username: z.string(), password: z.string() }),
  reply: TicketReply,
  needs: [],
  repeatable: true,
});

export const ACCESS = {
  version: endpoint({ method: 'GET', path: '/version', params: z.object({}), reply: Version, needs: [] }),
  permissions: endpoint({
    method: 'GET',
    path: '/access/permissions',
    params: z.object({}),
    reply: Permissions,
    needs: [],
  }),
} as const;

export interface Access {
  /** What this user or token holds, by ACL path. */
  permissions(options?: CallOptions): Promise<Permissions>;
}

export const access = (send: Send): Access => ({
  permissions: (options) => send(ACCESS.permissions, {}, options),
});
