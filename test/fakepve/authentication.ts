import { refused } from './errors.ts';
import type { IncomingMessage } from 'node:http';
import type { Caller } from './permissions.ts';
import type { World } from './world.ts';

/** Endpoints that need no login. */
const open = new Set(['POST /access/ticket', 'GET /access/ticket']);

const expired = (world: World, expire: number): boolean => expire !== 0 && expire <= world.seconds();

async function refuse(world: World, reason: string): Promise<never> {
  await world.clock.sleep(world.wait(world.latency.authFailure));
  throw refused(401, reason);
}

async function byToken(world: World, value: string): Promise<Caller> {
  const [id = '', secret] = value.split(/=(.*)/s);
  const token = world.access.tokens.get(id);
  const user = token && world.access.users.get(token.userid);
  const good =
    token?.secret === secret &&
    user?.enabled === true &&
    !expired(world, token?.expire ?? 0) &&
    !expired(world, user.expire);
  if (!token || !good) return refuse(world, 'Authentication failed!');
  return { userid: token.userid, token: token.name };
}

function ticketOf(request: IncomingMessage): string | undefined {
  const header = /^PVEAuthCookie=(.*)$/s.exec(request.headers.authorization ?? '')?.[1];
  const cookie = /(?:^|;\s*)PVEAuthCookie=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  const found = header ?? cookie;
  return found === undefined ? undefined : decodeURIComponent(found);
}

async function byTicket(world: World, request: IncomingMessage, path: string): Promise<Caller> {
  const ticket = ticketOf(request);
  if (ticket === undefined) return refuse(world, 'No ticket');
  const userid = world.tickets.user(ticket);
  if (userid === undefined || world.access.users.get(userid)?.enabled !== true)
    return refuse(world, 'permission denied - invalid PVE ticket');
  const csrf = request.headers['csrfpreventiontoken'];
  const needsCsrf = request.method !== 'GET' && !path.endsWith('/upload');
  if (needsCsrf && (typeof csrf !== 'string' || !world.tickets.csrfIsGood(userid, csrf)))
    return refuse(world, 'Permission denied - invalid csrf token');
  return { userid, token: undefined };
}

/** The caller of this request; refuses after a delay if it cannot be authenticated. */
export async function authenticate(world: World, request: IncomingMessage, path: string): Promise<Caller> {
  if (open.has(`${request.method ?? ''} ${path}`)) return { userid: '', token: undefined };
  const token = /^PVEAPIToken[= ](.*)$/s.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined ? byTicket(world, request, path) : byToken(world, token);
}
