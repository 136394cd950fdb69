/**
 * The memory for the bodies of answers that are being read at the same time. Each server has a share, so that none
 * takes what the others need, and a part of it that no other server can take.
 */
import { MiB } from '../lib/units.ts';

/** What one call takes of it. */
export interface Room {
  /** Whether there is room for as many bytes more. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** For one call: what it still has is given back at its end. */
export interface OwnRoom extends Room {
  release(): void;
}

/** What all servers have together beyond what each has for itself. */
export interface CommonRoom {
  free: number;
}

/** A container has 512 MiB. */
export const commonRoom = (bytes = 64 * MiB): CommonRoom => ({ free: bytes });

const EACH = 24 * MiB;
/** Enough for a cluster of two thousand guests, whatever others do. */
const OWN = MiB;

/** The room of one server. */
export interface ServerRoom {
  forCall(): OwnRoom;
}

/** What the bytes beyond a server's own part come to. */
const beyond = (bytes: number): number => Math.max(0, bytes - OWN);

export function serverRoom(common: CommonRoom): ServerRoom {
  let used = 0;
  const change = (bytes: number): boolean => {
    const fromCommon = beyond(used + bytes) - beyond(used);
    if (used + bytes > EACH || fromCommon > common.free) return false;
    common.free -= fromCommon;
    used += bytes;
    return true;
  };
  return {
    forCall() {
      let mine = 0;
      const add = (bytes: number): boolean => {
        const done = change(bytes);
        if (done) mine += bytes;
        return done;
      };
      return {
        take: add,
        give: (bytes) => void add(-bytes),
        release: () => void add(-mine),
      };
    },
  };
}
