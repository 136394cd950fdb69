/** Proof of identity for each request: an API token, or a ticket that is kept fresh. */
import { minutes } from '../lib/units.ts';
import type { Method } from './endpoint.ts';

export type Credentials =
  | { readonly kind: 'token'; /** `user@realm!name` */ readonly id: string; readonly secret: string }
  | { readonly kind: 'password'; /** `user@realm` */ readonly username: string; readonly password: string };

export interface Ticket {
  readonly ticket: string;
  readonly csrf: string;
}

/** Trades a password, or a ticket that is still valid, for a new ticket. */
export type Login = (username: string, password: string) => Promise<Ticket>;

/** What one request carried; handed back to `renew` when PVE did not accept it. */
export type AuthHeaders = Readonly<Record<string, string>>;

export interface Auth {
  headers(method: Method): Promise<AuthHeaders>;
  /** After a 401: whether a second try with fresh headers makes sense. */
  renew(used: AuthHeaders): boolean;
}

export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** Tickets live for two hours. */
const RENEW_AFTER = minutes(60);
const TICKET_LIFETIME = minutes(115);

const TOKEN_ID = /^[^\s!@]+@[^\s!@]+![A-Za-z][\w.-]*$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

function tokenAuth(id: string, secret: string): Auth {
  if (!TOKEN_ID.test(id)) {
    throw new CredentialsError('The token ID must look like user@realm!name, for example operator@pve!k8s.');
  }
  if (!PRINTABLE.test(secret)) {
    throw new CredentialsError(
      'The token secret is empty or contains spaces, line breaks or other characters that no token has.',
    );
  }
  const headers = { authorization: `PVEAPIToken=${id}=${secret}` };
  return { headers: () => Promise.resolve(headers), renew: () => false };
}

interface Session extends Ticket {
  readonly since: number;
}

function ticketAuth(username: string, password: string, login: Login, now: () => number): Auth {
  if (!/^[^\s@]+@[^\s@]+$/.test(username)) {
    throw new CredentialsError('The user name must name its realm, for example root@pam or operator@pve.');
  }
  let session: Session | undefined;
  let pending: Promise<Session> | undefined;

  const obtain = async (): Promise<Session> => {
    const since = now();
    const old = session;
    if (old && since - old.since < TICKET_LIFETIME) {
      try {
        return { ...(await login(username, old.ticket)), since };
      } catch {
        // The ticket may have been revoked, the password still be good.
      }
    }
    return { ...(await login(username, password)), since };
  };

  const current = async (): Promise<Session> => {
    if (session && now() - session.since < RENEW_AFTER) return session;
    pending ??= obtain().finally(() => {
      pending = undefined;
    });
    session = await pending;
    return session;
  };

  return {
    async headers(method) {
      const { ticket, csrf } = await current();
      const cookie = `PVEAuthCookie=${encodeURIComponent(ticket)}`;
      return method === 'GET' ? { cookie } : { cookie, csrfpreventiontoken: csrf };
    },
    renew(used) {
      // Many calls may be refused at once: only the first gives the ticket up.
      if (session && used['cookie'] === `PVEAuthCookie=${encodeURIComponent(session.ticket)}`) {
        session = undefined;
      }
      return true;
    },
  };
}

/** @throws CredentialsError if they cannot be right; never repeats the secret. */
export const createAuth = (credentials: Credentials, login: Login, now: () => number): Auth =>
  credentials.kind === 'token'
    ? tokenAuth(credentials.id.trim(), credentials.secret.trim())
    : ticketAuth(credentials.username.trim(), credentials.password, login, now);

/** The values that must never appear in a text. */
export const secretsOf = (credentials: Credentials): readonly string[] =>
  credentials.kind === 'token' ? [credentials.secret.trim()] : [credentials.password];
