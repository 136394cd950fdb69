import { forbidden } from './errors.ts';
import { normalPath } from './access.ts';
import type { Access } from './access.ts';
import type { Check } from './schema/schema.ts';
import type { Values } from './schema/verify.ts';

/** The caller of a request. */
export interface Caller {
  readonly userid: string;
  /** The name of the token, if one was used. */
  readonly token: string | undefined;
}

export const callerId = ({ userid, token }: Caller): string =>
  token === undefined ? userid : `${userid}!${token}`;

/** Only the user itself, with a ticket: its tokens are not root. */
export const isRoot = (caller: Caller): boolean => caller.userid === 'root@pam' && caller.token === undefined;

export function has(access: Access, caller: Caller, path: string, privilege: string): boolean {
  const clean = normalPath(path);
  return clean !== undefined && access.allows(callerId(caller), clean, privilege);
}

/** Refuses unless all of the privileges are granted. */
export function require(access: Access, caller: Caller, path: string, names: readonly string[]): void {
  const missing = names.find((name) => !has(access, caller, path, name));
  if (missing !== undefined) throw forbidden(`${normalPath(path) ?? ''}, ${missing}`);
}

/** Refuses unless one of the privileges is granted. */
export function requireAny(access: Access, caller: Caller, path: string, names: readonly string[]): void {
  if (!names.some((name) => has(access, caller, path, name)))
    throw forbidden(`${normalPath(path) ?? ''}, ${names.join('|')}`);
}

const fill = (template: string, values: Values): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));

const optionOf = (rest: readonly unknown[], name: string): unknown => {
  const at = rest.indexOf(name);
  return at < 0 ? undefined : rest[at + 1];
};

function checkPrivileges(access: Access, caller: Caller, check: Check, values: Values): void {
  const [, template, names, ...rest] = check as readonly [string, string, readonly string[], ...unknown[]];
  const needed = optionOf(rest, 'require_param');
  if (typeof needed === 'string' && values[needed] === undefined) throw forbidden();
  const path = fill(template, values);
  if (optionOf(rest, 'any') !== undefined) requireAny(access, caller, path, names);
  else require(access, caller, path, names);
}

/** Changing permissions requires the privilege to modify them, or to administer the object, at the path. */
function checkModify(access: Access, caller: Caller, path: string): void {
  const special: readonly [RegExp, string][] = [
    [/^\/storage\/[^/]+$/, 'Datastore.Allocate'],
    [/^\/vms\/\d+$/, 'VM.Allocate'],
    [/^\/pool\/.+$/, 'Pool.Allocate'],
  ];
  const owner = special.find(([pattern]) => pattern.test(path))?.[1];
  requireAny(access, caller, path, ['Permissions.Modify', ...(owner === undefined ? [] : [owner])]);
}

function checkUser(access: Access, caller: Caller, check: Check, values: Values): void {
  const what = check[1];
  const userid = String(values['userid'] ?? '');
  if (check[0] === 'userid-param' && what === 'self') {
    if (caller.userid !== userid) throw forbidden();
    return;
  }
  const realm = userid.split('@').at(-1) ?? '';
  if (check[0] === 'userid-param') require(access, caller, `/access/realm/${realm}`, ['Realm.AllocateUser']);
  else requireAny(access, caller, '/access/groups', what as readonly string[]);
}

const passes = (test: () => void): boolean => {
  try {
    test();
    return true;
  } catch {
    return false;
  }
};

/** Performs the check that the schema defines for an endpoint; throws PVE's refusal. */
export function checkPermissions(access: Access, caller: Caller, check: Check, values: Values): void {
  const parts = check.slice(1) as readonly Check[];
  switch (check[0]) {
    case 'perm':
      checkPrivileges(access, caller, check, values);
      return;
    case 'and':
      for (const part of parts) checkPermissions(access, caller, part, values);
      return;
    case 'or':
      // PVE tries them without an error, so its refusal names none.
      if (!parts.some((part) => passes(() => checkPermissions(access, caller, part, values))))
        throw forbidden();
      return;
    case 'perm-modify':
      checkModify(access, caller, fill(String(check[1]), values));
      return;
    case 'userid-param':
    case 'userid-group':
      checkUser(access, caller, check, values);
      return;
    default:
      throw new Error(`the fake does not know the permission check ${JSON.stringify(check)}`);
  }
}
