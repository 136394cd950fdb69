/** The shell lines for a node that grant what the operator needs. */
import type { Permissions } from './access.ts';
import type { Need } from './endpoint.ts';
import { ancestors, baseOf } from './permissions.ts';

export interface Grantee {
  /** `user@realm`. */
  readonly user: string;
  /** The part after `!`, for an API token. */
  readonly token?: string | undefined;
  readonly role?: string;
}

const ROLE = 'VirtRigaud';

const privilegesOf = (needs: readonly Need[]): string =>
  [...new Set(needs.map(({ anyOf }) => anyOf[0]))].toSorted().join(',');

/** With a token, both it and its user get the role: a token with separated privileges has only what both have. */
const aclCommands = (path: string, { user, token, role = ROLE }: Grantee): readonly string[] => [
  `pveum acl modify ${path} --users '${user}' --roles ${role}`,
  ...(token === undefined ? [] : [`pveum acl modify ${path} --tokens '${user}!${token}' --roles ${role}`]),
];

/** Makes a role of these needs and grants it everywhere. */
export const grantCommands = (needs: readonly Need[], to: Grantee): readonly string[] => [
  `pveum role add ${to.role ?? ROLE} --privs '${privilegesOf(needs)}'`,
  ...aclCommands('/', to),
];

const names = (held: Permissions, path: string): string =>
  Object.keys(held[path] ?? {})
    .toSorted()
    .join(',');

/**
 * Where a grant takes effect and takes nothing away. An entry of an ACL replaces what is granted further up, so the
 * new one goes beside the nearest one there is; that is seen by what is held there and not above.
 */
function grantPath(path: string, held: Permissions): string {
  const [base = '/', ...above] = ancestors(baseOf(path)).filter(
    (candidate) => candidate === '/' || held[candidate] !== undefined,
  );
  const [parent] = above;
  if (parent === undefined || names(held, base) !== names(held, parent)) return base;
  return grantPath(parent, held);
}

/**
 * Adds these needs to the role and sees that it is granted where they are missing. The role may exist or not, and may
 * be granted already: the lines are right in each case, although the first then says that it exists.
 */
export function mendCommands(missing: readonly Need[], held: Permissions, to: Grantee): readonly string[] {
  const role = to.role ?? ROLE;
  const paths = [...new Set(missing.map(({ path }) => grantPath(path, held)))].toSorted();
  return [
    `pveum role add ${role}`,
    `pveum role modify ${role} --append 1 --privs '${privilegesOf(missing)}'`,
    ...paths.flatMap((path) => aclCommands(path, to)),
  ];
}
