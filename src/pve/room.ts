/**
 * The memory for what servers send. Each server has a share, so that none takes what the others need, and a part of it
 * that no other server can take.
 */
import { MiB } from '../lib/units.ts';

/** What one user takes of it. */
export interface Room {
  /** Whether there is room for as many bytes more, which are taken then. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** What it still has is given back at its end. */
export interface OwnRoom extends Room {
  release(): void;
}

/** What all servers have together beyond what each has for itself. */
export interface CommonRoom {
  free: number;
  /** The most that one server has in all. */
  readonly each: number;
}

// A container has 512 MiB.
/** For the bodies of answers while they are read. */
export const roomForAnswers = (): CommonRoom => ({ free: 64 * MiB, each: 24 * MiB });
/** For the lists of guests, nodes and storages that are kept. Ten thousand guests take 8 MiB. */
export const roomForViews = (): CommonRoom => ({ free: 96 * MiB, each: 48 * MiB });

/** Enough for a cluster of a thousand guests, whatever others do. */
const OWN = MiB;

/** What the bytes beyond a server's own part come to. */
const beyond = (bytes: number): number => Math.max(0, bytes - OWN);

/** @returns a function that opens the room for one user among those of a server */
export function serverRoom(common: CommonRoom): () => OwnRoom {
  let used = 0;
  const change = (bytes: number): boolean => {
    const fromCommon = beyond(used + bytes) - beyond(used);
    if (bytes > 0 && (used + bytes > common.each || fromCommon > common.free)) return false;
    common.free -= fromCommon;
    used += bytes;
    return true;
  };
  return () => {
    let mine = 0;
    const add = (bytes: number): boolean => {
      const done = change(bytes);
      if (done) mine += bytes;
      return done;
    };
    return { take: add, give: (bytes) => void add(-bytes), release: () => void add(-mine) };
  };
}
