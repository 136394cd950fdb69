/** The `pveum` commands that grant the operator its privileges. Run them on a node. */
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
/** A role of Proxmox VE itself, with Mapping.Use and Mapping.Audit (pve-access-control, since 8.0). */
const MAPPING_ROLE = 'PVEMappingUser';

const privilegesOf = (needs: readonly Need[]): string =>
  [...new Set(needs.map(({ anyOf }) => anyOf[0]))].toSorted().join(',');

/** In single quotes, for a shell: the name of a user may have one itself. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The role is granted to both token and user: a token with privilege separation has only the privileges that both have. */
const aclCommands = (path: string, { user, token, role = ROLE }: Grantee): readonly string[] => [
  `pveum acl modify ${path} --users ${quoted(user)} --roles ${role}`,
  ...(token === undefined
    ? []
    : [`pveum acl modify ${path} --tokens ${quoted(`${user}!${token}`)} --roles ${role}`]),
];

/** Commands that create a role with these privileges and grant it on `/`. */
export const grantCommands = (needs: readonly Need[], to: Grantee): readonly string[] => [
  `pveum role add ${to.role ?? ROLE} --privs '${privilegesOf(needs)}'`,
  ...aclCommands('/', to),
];

const privilegesAt = (held: Permissions, path: string): string =>
  Object.keys(held[path] ?? {})
    .toSorted()
    .join(',');

/**
 * The path on which a new ACL entry takes effect without removing privileges. An ACL entry replaces what is granted
 * further up, so the new entry belongs on the path of the nearest existing entry: the nearest path whose privileges
 * differ from those above it.
 */
function grantPath(path: string, held: Permissions): string {
  const [base = '/', ...above] = ancestors(baseOf(path)).filter(
    (candidate) => candidate === '/' || held[candidate] !== undefined,
  );
  const [parent] = above;
  if (parent === undefined || privilegesAt(held, base) !== privilegesAt(held, parent)) return base;
  return grantPath(parent, held);
}

/**
 * Commands that add the missing privileges to the role and grant the role where they are missing. They also work if
 * the role exists (the first command then fails without harm) or is granted already. A resource mapping is granted
 * alone: whoever may use one device should not thereby use all.
 */
export function grantMissingCommands(
  missing: readonly Need[],
  held: Permissions,
  to: Grantee,
): readonly string[] {
  const mappings = missing.filter(({ path }) => path.startsWith('/mapping/'));
  const others = missing.filter((need) => !mappings.includes(need));
  return [
    ...(others.length > 0 ? roleCommands(others, held, to) : []),
    ...mappings.flatMap(({ path }) => aclCommands(path, { ...to, role: MAPPING_ROLE })),
  ];
}

function roleCommands(missing: readonly Need[], held: Permissions, to: Grantee): readonly string[] {
  const role = to.role ?? ROLE;
  const paths = [...new Set(missing.map(({ path }) => grantPath(path, held)))].toSorted();
  return [
    `pveum role add ${role}`,
    `pveum role modify ${role} --append 1 --privs '${privilegesOf(missing)}'`,
    ...paths.flatMap((path) => aclCommands(path, to)),
  ];
}
