import { privileges, rolesOf } from './privileges.ts';

export interface User {
  readonly id: string;
  password: string | undefined;
  enabled: boolean;
  /** Seconds since 1970; 0: never. */
  expire: number;
  comment: string | undefined;
  email: string | undefined;
  readonly groups: Set<string>;
}

export interface Token {
  /** `user@realm!name` */
  readonly id: string;
  readonly userid: string;
  readonly name: string;
  secret: string;
  privsep: boolean;
  expire: number;
  comment: string | undefined;
}

export interface Acl {
  readonly path: string;
  readonly kind: 'user' | 'group' | 'token';
  readonly subject: string;
  readonly role: string;
  readonly propagate: boolean;
}

/** Privileges by name; the value is PVE's propagate flag. */
export type Granted = ReadonlyMap<string, 0 | 1>;

const top = /^\/(?:access|cluster|mapping|nodes|pool|sdn|storage|vms)(?:\/|$)/;

/** An ACL path in PVE's form; undefined if it is invalid. */
export function normalPath(path: string): string | undefined {
  const parts = (): readonly string[] => path.split('/').filter((part) => part !== '');
  const clean = /^(?:\/[^/]+)+$/.test(path) ? path : `/${parts().join('/')}`;
  if (clean === '/') return clean;
  return top.test(clean) && /^[a-zA-Z0-9.\-_/@:!]+$/.test(clean) ? clean : undefined;
}

const ancestors = (path: string): readonly string[] => {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
};

const paths = ['/', '/access', '/access/groups', '/mapping', '/nodes', '/pool', '/sdn', '/storage', '/vms'];

/** Users, tokens, roles and ACLs. */
export class Access {
  readonly users = new Map<string, User>();
  readonly groups = new Set<string>();
  readonly tokens = new Map<string, Token>();
  readonly roles: Map<string, readonly string[]>;
  /** Every privilege that there is. */
  readonly privileges: ReadonlySet<string>;
  private readonly everything: Granted;
  private acls: readonly Acl[] = [];
  private byPath: ReadonlyMap<string, readonly Acl[]> = new Map();
  private readonly poolOf: (vmid: number) => string | undefined;
  private readonly poolsOfStorage: (storage: string) => readonly string[];

  constructor(pools: {
    ofGuest: (vmid: number) => string | undefined;
    ofStorage: (storage: string) => readonly string[];
    privileges?: ReadonlySet<string>;
  }) {
    this.privileges = pools.privileges ?? privileges;
    this.everything = new Map([...this.privileges].map((name) => [name, 1]));
    this.roles = new Map(Object.entries(rolesOf(this.privileges)));
    this.poolOf = pools.ofGuest;
    this.poolsOfStorage = pools.ofStorage;
    this.addUser('root@pam');
  }

  addUser(id: string): User {
    const made = {
      id,
      password: undefined,
      enabled: true,
      expire: 0,
      comment: undefined,
      email: undefined,
      groups: new Set<string>(),
    };
    this.users.set(id, made);
    return made;
  }

  list(): readonly Acl[] {
    return this.acls;
  }

  grant(acl: Acl): void {
    this.revoke(acl);
    this.keep([...this.acls, acl]);
  }

  revoke({ path, kind, subject, role }: Omit<Acl, 'propagate'>): void {
    this.forget(
      (other) =>
        other.path === path && other.kind === kind && other.subject === subject && other.role === role,
    );
  }

  /** Removes the ACLs of a removed user, token or path. */
  forget(isGone: (acl: Acl) => boolean): void {
    this.keep(this.acls.filter((acl) => !isGone(acl)));
  }

  private keep(acls: readonly Acl[]): void {
    this.acls = acls;
    this.byPath = Map.groupBy(acls, ({ path }) => path);
  }

  /** Whether the permissions include this privilege. Called for every guest of a list, so it does not build the map. */
  allows(who: string, path: string, name: string): boolean {
    const token = this.tokens.get(who);
    const user = token?.userid ?? who;
    const ofUser = user === 'root@pam' ? this.everything.has(name) : this.allowsWithPools(user, path, name);
    return ofUser && (!token?.privsep || this.allowsWithPools(who, path, name));
  }

  private allowsWithPools(who: string, path: string, name: string): boolean {
    const grants = (at: string): boolean =>
      this.effective(who, at).some(({ role }) => this.roles.get(role)?.includes(name));
    return grants(path) || this.poolsOf(path).some((id) => grants(`/pool/${id}`));
  }

  /** The privileges of this user or token (`user@realm!name`) at the path. */
  permissions(who: string, path: string): Granted {
    const token = this.tokens.get(who);
    const user = token?.userid ?? who;
    const ofUser = user === 'root@pam' ? this.everything : this.withPools(user, path);
    if (!token?.privsep) return ofUser;
    const ofToken = this.withPools(who, path);
    return new Map([...ofToken].filter(([name]) => ofUser.has(name)));
  }

  /** All paths with an ACL, and the root path of each kind. */
  knownPaths(): readonly string[] {
    return [...new Set([...paths, ...this.acls.map((acl) => acl.path)])].sort();
  }

  /** The privileges on a pool also apply to its guests and storages. */
  private withPools(who: string, path: string): Granted {
    const own = this.granted(who, path);
    const pools = this.poolsOf(path);
    if (pools.length === 0) return own;
    const all = new Map(own);
    for (const id of pools)
      for (const [name, propagate] of this.granted(who, `/pool/${id}`))
        if (!all.has(name)) all.set(name, propagate);
    return all;
  }

  private poolsOf(path: string): readonly string[] {
    const [, kind, id = ''] = /^\/(vms|storage)\/([^/]+)$/.exec(path) ?? [];
    if (kind === 'storage') return this.poolsOfStorage(id);
    const pool = kind === undefined ? undefined : this.poolOf(Number(id));
    return pool === undefined ? [] : [pool];
  }

  /** The entries that apply at a path: the nearest ones. */
  private effective(who: string, path: string): readonly Acl[] {
    let nearest: readonly Acl[] = [];
    for (const at of ancestors(path)) {
      if (!this.byPath.has(at)) continue;
      const here = this.at(who, at).filter(({ propagate }) => propagate || at === path);
      if (here.length > 0) nearest = here;
    }
    return nearest.some(({ role }) => role === 'NoAccess') ? [] : nearest;
  }

  private granted(who: string, path: string): Granted {
    return new Map(
      this.effective(who, path).flatMap(({ role, propagate }) =>
        (this.roles.get(role) ?? []).map((name) => [name, propagate ? 1 : 0] as const),
      ),
    );
  }

  /** The entries of this user or token at exactly this path: its own entries hide those of its groups. */
  private at(who: string, path: string): readonly Acl[] {
    const here = this.byPath.get(path) ?? [];
    const own = here.filter((acl) => acl.kind !== 'group' && acl.subject === who);
    if (own.length > 0) return own;
    const groups = this.users.get(who)?.groups;
    return here.filter((acl) => acl.kind === 'group' && groups?.has(acl.subject));
  }
}
