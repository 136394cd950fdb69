/** Authenticates requests with an API token, or with a ticket that it renews. */
import { minutes } from '../lib/units.ts';
import type { Method } from './endpoint.ts';

export type Credentials =
  | { readonly kind: 'token'; /** `user@realm!name` */ readonly id: string; readonly secret: string }
  | { readonly kind: 'password'; /** `user@realm` */ readonly username: string; readonly password: string };

export interface Ticket {
  readonly ticket: string;
  readonly csrf: string;
}

/** Returns a new ticket for a password, or for a ticket that is still valid. */
export type Login = (username: string, password: string) => Promise<Ticket>;

/** The authentication headers of one request; passed to `renew` if PVE rejected them. */
export type AuthHeaders = Readonly<Record<string, string>>;

export interface Auth {
  headers(method: Method): Promise<AuthHeaders>;
  /** After a 401: whether a retry with new headers makes sense. */
  renew(used: AuthHeaders): boolean;
}

export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** A ticket is valid for two hours. */
const RENEW_AFTER = minutes(60);
const TICKET_LIFETIME = minutes(115);

// From pve-access-control, PVE/Auth/Plugin.pm. PVE splits at the last @, so that a name may be a UPN or an OIDC subject.
const USER_ID = /^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+$/;
const TOKEN_ID = /^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

function tokenAuth(id: string, secret: string): Auth {
  if (!TOKEN_ID.test(id)) {
    throw new CredentialsError(
      'The token ID does not have the form user@realm!name. Correct it, for example to operator@pve!k8s.',
    );
  }
  if (!PRINTABLE.test(secret)) {
    throw new CredentialsError(
      'The token secret is empty, or contains spaces, line breaks or other characters that a token never has. Correct it.',
    );
  }
  const headers = { authorization: `PVEAPIToken=${id}=${secret}` };
  return { headers: () => Promise.resolve(headers), renew: () => false };
}

interface Session extends Ticket {
  readonly since: number;
}

function ticketAuth(username: string, password: string, login: Login, now: () => number): Auth {
  if (!USER_ID.test(username)) {
    throw new CredentialsError(
      'The user name does not have the form user@realm. Correct it, for example to root@pam or operator@pve.',
    );
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
        // The ticket may have been revoked while the password is still valid.
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
      // Many calls may be rejected at the same time: only the first one drops the ticket.
      if (session && used['cookie'] === `PVEAuthCookie=${encodeURIComponent(session.ticket)}`) {
        session = undefined;
      }
      return true;
    },
  };
}

/** @throws CredentialsError if the credentials are malformed. The message never contains the secret. */
export const createAuth = (credentials: Credentials, login: Login, now: () => number): Auth =>
  credentials.kind === 'token'
    ? tokenAuth(credentials.id.trim(), credentials.secret.trim())
    : ticketAuth(credentials.username.trim(), credentials.password, login, now);

/** The values that must never appear in messages or logs. */
export const secretsOf = (credentials: Credentials): readonly string[] =>
  credentials.kind === 'token' ? [credentials.secret.trim()] : [credentials.password];
