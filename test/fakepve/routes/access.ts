import { PveError, failure, paramError } from '../errors.ts';
import { builtinRoles } from '../privileges.ts';
import { normalPath } from '../access.ts';
import { splitList } from '../schema/formats.ts';
import type { Call, Routes } from '../call.ts';
import type { Acl, Token, User } from '../access.ts';

const USER = '/access/users/{userid}';
const TOKEN = `${USER}/token/{tokenid}`;

async function login(call: Call): Promise<object> {
  const { world } = call;
  const given = call.text('username');
  // The name may have an @ itself: a realm that is given is appended (pve-access-control, create_ticket).
  const realm = call.get('realm') ?? (given.includes('@') ? undefined : 'pam');
  const userid = realm === undefined ? given : `${given}@${realm}`;
  const user = world.access.users.get(userid);
  const password = call.text('password');
  const good =
    user?.enabled === true &&
    ((user.password !== undefined && user.password === password) || world.tickets.user(password) === userid);
  if (!good) {
    await world.clock.sleep(world.wait(world.latency.authFailure));
    throw new PveError(401, 'authentication failure\n');
  }
  return {
    username: userid,
    ticket: world.tickets.ticket(userid),
    CSRFPreventionToken: world.tickets.csrf(userid),
    cap: capabilities(call, userid),
    ...(world.clusterName === undefined ? {} : { clustername: world.clusterName }),
  };
}

/** The first request of the web interface: privileges by area. */
function capabilities(call: Call, userid: string): object {
  const areas = {
    vms: '/vms',
    storage: '/storage',
    access: '/access',
    nodes: '/nodes',
    sdn: '/sdn',
    dc: '/',
    mapping: '/mapping',
  };
  return Object.fromEntries(
    Object.entries(areas).map(([area, path]) => [
      area,
      Object.fromEntries(call.world.access.permissions(userid, path)),
    ]),
  );
}

const describeUser = (user: User): object => ({
  enable: user.enabled ? 1 : 0,
  expire: user.expire,
  ...(user.comment === undefined ? {} : { comment: user.comment }),
  ...(user.email === undefined ? {} : { email: user.email }),
});

function userOf(call: Call): User {
  const userid = call.text('userid');
  const user = call.world.access.users.get(userid);
  if (!user) throw failure(`no such user ('${userid}')`);
  return user;
}

function applyUser(call: Call, user: User): void {
  user.comment = call.get('comment') ?? user.comment;
  user.email = call.get('email') ?? user.email;
  user.enabled = call.flag('enable') ?? user.enabled;
  user.expire = call.int('expire') ?? user.expire;
  for (const group of splitList(call.get('groups') ?? '')) user.groups.add(group);
}

function addUser(call: Call): null {
  const { access } = call.world;
  const userid = call.text('userid');
  if (access.users.has(userid)) throw failure(`create user failed: user '${userid}' already exists`);
  const user = access.addUser(userid);
  user.password = call.get('password');
  applyUser(call, user);
  return null;
}

function deleteUser(call: Call): null {
  const { access } = call.world;
  const user = call.world.access.users.get(call.text('userid'));
  if (!user) throw failure(`delete user failed: user '${call.text('userid')}' does not exist`);
  if (user.id === 'root@pam') throw failure("delete user failed: can't delete unmanaged user 'root@pam'");
  access.users.delete(user.id);
  for (const token of [...access.tokens.values()])
    if (token.userid === user.id) access.tokens.delete(token.id);
  access.forget((acl) => acl.subject === user.id || acl.subject.startsWith(`${user.id}!`));
  return null;
}

function users(call: Call): readonly object[] {
  const { access } = call.world;
  const all = call.may('/access/groups', 'User.Modify') || call.may('/access/groups', 'Sys.Audit');
  return [...access.users.values()]
    .filter((user) => all || user.id === call.caller.userid)
    .map((user) => ({ userid: user.id, 'realm-type': user.id.split('@').at(-1), ...describeUser(user) }));
}

function readUser(call: Call): object {
  const user = userOf(call);
  const tokens = [...call.world.access.tokens.values()].filter((token) => token.userid === user.id);
  return {
    ...describeUser(user),
    groups: [...user.groups],
    tokens: Object.fromEntries(tokens.map((token) => [token.name, describeToken(token)])),
  };
}

const describeToken = (token: Token): object => ({
  expire: token.expire,
  privsep: token.privsep ? 1 : 0,
  ...(token.comment === undefined ? {} : { comment: token.comment }),
});

const tokenId = (call: Call): string => `${call.text('userid')}!${call.text('tokenid')}`;

function tokenOf(call: Call): Token {
  const token = call.world.access.tokens.get(tokenId(call));
  if (!token) throw failure(`no such token '${call.text('tokenid')}' for user '${call.text('userid')}'`);
  return token;
}

function addToken(call: Call): object {
  const { world } = call;
  const user = userOf(call);
  const id = tokenId(call);
  if (world.access.tokens.has(id))
    throw new PveError(400, 'Token already exists.\n', { errors: { tokenid: 'Token already exists.' } });
  const token: Token = {
    id,
    userid: user.id,
    name: call.text('tokenid'),
    secret: world.random.uuid(),
    privsep: call.flag('privsep') ?? true,
    expire: call.int('expire') ?? 0,
    comment: call.get('comment'),
  };
  world.access.tokens.set(id, token);
  return { 'full-tokenid': id, value: token.secret, info: tokenInfo(call, token) };
}

/** Repeats the given parameters as text. */
const tokenInfo = (call: Call, token: Token): object => ({
  privsep: token.privsep ? '1' : '0',
  ...(call.get('expire') === undefined ? {} : { expire: String(token.expire) }),
  ...(token.comment === undefined ? {} : { comment: token.comment }),
});

function changeToken(call: Call): object {
  const token = tokenOf(call);
  token.privsep = call.flag('privsep') ?? token.privsep;
  token.expire = call.int('expire') ?? token.expire;
  token.comment = call.get('comment') ?? token.comment;
  return describeToken(token);
}

function deleteToken(call: Call): null {
  const token = tokenOf(call);
  call.world.access.tokens.delete(token.id);
  call.world.access.forget((acl) => acl.kind === 'token' && acl.subject === token.id);
  return null;
}

const describeRole = (roleid: string, names: readonly string[]): object => ({
  roleid,
  privs: [...names].sort().join(','),
  special: builtinRoles.has(roleid) ? 1 : 0,
});

/** The format knows those of every version. */
function privilegesIn(call: Call): readonly string[] {
  const names = splitList(call.get('privs') ?? '');
  const unknown = names.find((name) => !call.world.access.privileges.has(name));
  if (unknown !== undefined)
    throw paramError({ privs: `invalid format - invalid privilege '${unknown}'\n\n` });
  return names;
}

function addRole(call: Call): null {
  const { access } = call.world;
  const roleid = call.text('roleid');
  if (roleid.startsWith('PVE'))
    throw new PveError(400, 'Parameter verification failed.\n', {
      errors: { roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" },
    });
  if (access.roles.has(roleid)) throw failure(`create role failed: role '${roleid}' already exists`);
  access.roles.set(roleid, privilegesIn(call));
  return null;
}

function roleOf(call: Call): readonly string[] {
  const names = call.world.access.roles.get(call.text('roleid'));
  if (!names) throw failure(`role '${call.text('roleid')}' does not exist`);
  return names;
}

function changeRole(call: Call): null {
  const roleid = call.text('roleid');
  if (builtinRoles.has(roleid))
    throw failure(`update role failed: auto-generated role '${roleid}' cannot be modified`);
  const old = roleOf(call);
  const names = privilegesIn(call);
  call.world.access.roles.set(
    roleid,
    call.flag('append') === true ? [...new Set([...old, ...names])] : names,
  );
  return null;
}

function deleteRole(call: Call): null {
  const roleid = call.text('roleid');
  if (builtinRoles.has(roleid))
    throw failure(`delete role failed: auto-generated role '${roleid}' cannot be deleted`);
  roleOf(call);
  call.world.access.roles.delete(roleid);
  call.world.access.forget((acl) => acl.role === roleid);
  return null;
}

const kinds = { users: 'user', groups: 'group', tokens: 'token' } as const;

function knows(call: Call, kind: Acl['kind'], subject: string): boolean {
  const { access } = call.world;
  return kind === 'user' ? access.users.has(subject) : kind === 'token' ? access.tokens.has(subject) : true;
}

function changeAcl(call: Call): null {
  const { access } = call.world;
  const path = normalPath(call.text('path'));
  if (path === undefined)
    throw new PveError(400, 'Parameter verification failed.\n', {
      errors: { path: `invalid ACL path '${call.text('path')}'` },
    });
  const subjects = Object.entries(kinds).flatMap(([param, kind]) =>
    splitList(call.get(param) ?? '').map((subject) => ({ kind, subject })),
  );
  if (subjects.length === 0) {
    const missing = "either 'users', 'groups' or 'tokens' is required.";
    throw new PveError(400, 'Parameter verification failed.\n', {
      errors: { users: missing, groups: missing, tokens: missing },
    });
  }
  for (const role of splitList(call.text('roles'))) {
    if (!access.roles.has(role)) throw failure(`ACL update failed: role '${role}' does not exist`);
    for (const { kind, subject } of subjects) {
      if (!knows(call, kind, subject))
        throw failure(`ACL update failed: ${kind} '${subject}' does not exist`);
      const acl = { path, kind, subject, role, propagate: call.flag('propagate') ?? true };
      if (call.flag('delete') === true) access.revoke(acl);
      else access.grant(acl);
    }
  }
  return null;
}

const acls = (call: Call): readonly object[] =>
  call.world.access
    .list()
    .filter((acl) => call.may(acl.path, 'Permissions.Modify') || call.may('/access', 'Sys.Audit'))
    .map(({ path, kind, subject, role, propagate }) => ({
      path,
      type: kind,
      ugid: subject,
      roleid: role,
      propagate: propagate ? 1 : 0,
    }));

export const accessRoutes: Routes = {
  'POST /access/ticket': login,
  'GET /access/ticket': () => null,
  'GET /access/users': users,
  'POST /access/users': addUser,
  [`GET ${USER}`]: readUser,
  [`PUT ${USER}`]: (call) => {
    applyUser(call, userOf(call));
    return null;
  },
  [`DELETE ${USER}`]: deleteUser,
  [`GET ${USER}/token`]: (call) => {
    const user = userOf(call);
    return [...call.world.access.tokens.values()]
      .filter((token) => token.userid === user.id)
      .map((token) => ({ tokenid: token.name, ...describeToken(token) }));
  },
  [`GET ${TOKEN}`]: (call) => describeToken(tokenOf(call)),
  [`POST ${TOKEN}`]: addToken,
  [`PUT ${TOKEN}`]: changeToken,
  [`DELETE ${TOKEN}`]: deleteToken,
  'GET /access/roles': (call) =>
    [...call.world.access.roles].map(([roleid, names]) => describeRole(roleid, names)),
  'POST /access/roles': addRole,
  'GET /access/roles/{roleid}': (call) => Object.fromEntries(roleOf(call).map((name) => [name, 1])),
  'PUT /access/roles/{roleid}': changeRole,
  'DELETE /access/roles/{roleid}': deleteRole,
  'GET /access/acl': acls,
  'PUT /access/acl': changeAcl,
};
