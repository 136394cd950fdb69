/**
 * The memory for what servers send. Each server has a part that no other can take, and a fair share of the rest: where
 * that is used up, those that have more than their share give it back to one that has less.
 */
import { MiB } from '../lib/units.ts';

/** What one user takes of it. */
export interface Room {
  /** Whether there is room for as many bytes more, which are taken then. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** Called when all of it was given to others, who have less. While absent, nothing is taken away. */
  onTakenAway?: (() => void) | undefined;
}

/** What it still has is given back at its end. */
export interface OwnRoom extends Room {
  release(): void;
}

/** What all servers have together beyond what each has for itself. */
export interface CommonRoom {
  readonly total: number;
  /** The most that one server has in all. */
  readonly each: number;
  free: number;
  /** Those that have something. */
  readonly servers: Set<Server>;
}

interface Server {
  readonly tenant: string;
  used: number;
  readonly users: Set<User>;
}

interface User extends OwnRoom {
  bytes: number;
}

export const commonRoom = ({ total, each }: Pick<CommonRoom, 'total' | 'each'>): CommonRoom => ({
  total,
  each,
  free: total,
  servers: new Set(),
});

// A container has 512 MiB.
/** For the bodies of answers while they are read. */
export const roomForAnswers = (): CommonRoom => commonRoom({ total: 64 * MiB, each: 24 * MiB });
/** For the lists of guests, nodes and storages that are kept. Ten thousand guests take 8 MiB. */
export const roomForViews = (): CommonRoom => commonRoom({ total: 96 * MiB, each: 48 * MiB });

/** Enough for a cluster of a thousand guests, whatever others do. */
const OWN = MiB;
/**
 * The beginning of each answer is not counted, so that an ordinary one is read whatever others do: an answer to a write
 * that is lost leaves doubt. A server has 64 connections, so this is a MiB of each as well.
 */
const UNCOUNTED = 16 * 1024;

const counted = (bytes: number): number => Math.max(0, bytes - UNCOUNTED);

/** What it has of the common room. */
const beyond = ({ used }: Pick<Server, 'used'>): number => Math.max(0, used - OWN);

function change(common: CommonRoom, server: Server, { user, to }: { user: User; to: number }): void {
  const before = beyond(server);
  server.used += counted(to) - counted(user.bytes);
  user.bytes = to;
  common.free -= beyond(server) - before;
  if (to > 0) server.users.add(user);
  else server.users.delete(user);
  if (server.users.size > 0) common.servers.add(server);
  else common.servers.delete(server);
}

const sum = (servers: readonly Server[]): number =>
  servers.reduce((before, server) => before + beyond(server), 0);

/**
 * Takes from those that have more than their share, the largest first. Tenants have equal shares, and so have the
 * servers of a tenant, so that nobody gets more by bringing more servers.
 * @returns whether there is room now
 */
function makeRoom(common: CommonRoom, server: Server, wanted: number): boolean {
  const others = [...common.servers].filter((other) => other !== server && beyond(other) > 0);
  const of = (tenant: string): Server[] => others.filter((other) => other.tenant === tenant);
  const share = common.total / new Set([server, ...others].map(({ tenant }) => tenant)).size;
  const own = of(server.tenant);
  const ownShare = share / (own.length + 1);
  const isWithin = wanted + sum(own) <= share;
  if (!isWithin && wanted > ownShare) return false;
  const enough = (): boolean => wanted - beyond(server) <= common.free;
  const hasTooMuch = (other: Server): boolean =>
    other.tenant === server.tenant
      ? !isWithin && beyond(other) > ownShare
      : sum(of(other.tenant)) > share && beyond(other) > 0;
  for (const other of others.toSorted((a, b) => b.used - a.used))
    for (const user of [...other.users].toSorted((a, b) => b.bytes - a.bytes)) {
      if (enough() || !hasTooMuch(other)) break;
      if (!user.onTakenAway) continue;
      change(common, other, { user, to: 0 });
      user.onTakenAway();
    }
  return enough();
}

/**
 * @param tenant whose server it is
 * @returns a function that opens the room for one user among those of the server
 */
export function serverRoom(common: CommonRoom, tenant = ''): () => OwnRoom {
  const server: Server = { tenant, used: 0, users: new Set() };

  function mayHave(used: number): boolean {
    if (used <= server.used) return true;
    if (used > common.each) return false;
    const wanted = beyond({ used });
    return wanted - beyond(server) <= common.free || makeRoom(common, server, wanted);
  }

  return () => {
    const user: User = {
      bytes: 0,
      take(bytes) {
        const to = user.bytes + bytes;
        const fits = mayHave(server.used + counted(to) - counted(user.bytes));
        if (fits) change(common, server, { user, to });
        return fits;
      },
      give: (bytes) => change(common, server, { user, to: Math.max(0, user.bytes - bytes) }),
      release: () => change(common, server, { user, to: 0 }),
    };
    return user;
  };
}
