/** When the credentials of a Provider expire, where Proxmox VE says it, and the warning some days before. */
import {
  missingPrivileges,
  PveError,
  quoted,
  type Access,
  type Need,
  type Permissions,
} from '../../src/pve/index.ts';
import { minutes } from '../../src/lib/units.ts';
import type { EventNote } from '../../src/runtime/controller.ts';
import { warning } from '../shared/errors/event.ts';
import { granteeOf } from './missing-privileges.ts';
import type { Settings } from './settings.ts';

export interface Expiry {
  /** Epoch ms. */
  readonly at: number;
  readonly user: string;
  /** Absent: the user expires. */
  readonly token?: string;
}

interface Asking {
  readonly credentials: Settings['credentials'];
  readonly held: Permissions;
  readonly signal: AbortSignal;
}

/**
 * A token may not read itself: "self" in the checks of PVE means the user without a token (pve-access-control,
 * exec_api2_perm_check). `Sys.Audit` on /, as documented for the operator, includes this.
 */
const MAY_READ_USERS: Need = { path: '/access/groups', anyOf: ['Sys.Audit', 'User.Modify'] };

/** @returns `undefined` also if it is not known */
export async function readExpiry(
  access: Pick<Access, 'user'>,
  { credentials, held, signal }: Asking,
): Promise<Expiry | undefined> {
  if (missingPrivileges([MAY_READ_USERS], held).length > 0) return undefined;
  const { user, token } = granteeOf(credentials);
  try {
    const { expire, tokens } = await access.user(user, { signal });
    const ofToken = token === undefined ? undefined : tokens[token]?.expire;
    if (token !== undefined && ofToken !== undefined && ofToken <= (expire ?? Infinity))
      return { at: ofToken, user, token };
    return expire === undefined ? undefined : { at: expire, user };
  } catch (error) {
    if (error instanceof PveError) return undefined;
    throw error;
  }
}

const DAY = minutes(24 * 60);
const WARNED_BEFORE = 14 * DAY;

/** Once a day. */
export function createExpiryNews(): (
  provider: string,
  expiry: Expiry | undefined,
  now: Date,
) => readonly EventNote[] {
  const announced = new Map<string, number>();
  return (provider, expiry, date) => {
    const now = date.getTime();
    if (!expiry || expiry.at - now > WARNED_BEFORE) {
      announced.delete(provider);
      return [];
    }
    if (now - (announced.get(provider) ?? -Infinity) < DAY) return [];
    announced.set(provider, now);
    return [warning('CredentialsExpire', sentence(expiry))];
  };
}

function sentence({ at, user, token }: Expiry): string {
  const [what, modify] =
    token === undefined
      ? [`The user ${user}`, `pveum user modify ${quoted(user)}`]
      : [`The API token ${user}!${token}`, `pveum user token modify ${quoted(user)} ${quoted(token)}`];
  return `${what} expires at ${new Date(at).toISOString()}. From then on nothing is read or changed in Proxmox VE. Extend it on a node: ${modify} --expire 0 (never), or put another one into the Secret.`;
}
