/**
 * What all connections to one PVE cluster share: VMIDs, promises and slots. Otherwise two could reserve the same.
 *
 * Connections begin to share when everything that they show proves that they lead to the same cluster (`evidence.ts`),
 * which is checked again in each pass of their Providers. They keep sharing when nodes join or leave, as they notice that
 * at different moments. A renewed certificate ends the sharing until the others show it too. Nothing is lost
 * by that: a connection that leaves keeps a copy, one that joins adds its own. Counting something twice for a while is safe.
 */
import type { ClusterIdentity } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { createCloneSlots, type CloneSlots } from '../limits/clones.ts';
import { createMoveSlots, type MoveSlots } from '../limits/moves.ts';
import { haveSameCertificate, provesSameCluster, type Evidence } from './evidence.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createVmidAllocator, type SharedVmids } from './vmids.ts';

export interface SharedState {
  readonly vmids: SharedVmids;
  readonly ledger: Ledger;
  readonly cloneSlots: CloneSlots;
  readonly moveSlots: MoveSlots;
}

export interface SharedStates {
  /**
   * The state that this connection shares, as its evidence is now.
   * @param before the connection that it replaces: what was promised over that one still counts
   */
  of(connection: object, shows: Shows, before?: object): SharedState;
  /** The connection is closed. A state ends with its last connection. */
  drop(connection: object): void;
  /** The VM with this uid was deleted: everything reserved for it is free. */
  release(uid: string): void;
}

export interface Shows {
  readonly evidence: Evidence;
  readonly identity: ClusterIdentity;
  /** The Providers that use the connection now, as `namespace/name`. */
  readonly providers: () => readonly string[];
}

/** A PVE cluster, and the Providers that certainly lead to it. */
export interface ConnectedCluster extends ClusterIdentity {
  readonly providers: readonly string[];
}

export interface SharedStateOptions {
  /** Numbers in the status of the VirtualMachines that may be in this PVE cluster. */
  readonly claimedIn: (cluster: ConnectedCluster) => ReadonlySet<Vmid>;
  /** This VM waited for a slot, and may have it now. */
  readonly onSlotFree: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
}

interface Member extends Shows {
  readonly state: SharedState;
}

export function createSharedStates({ claimedIn, onSlotFree, now }: SharedStateOptions): SharedStates {
  const members = new Map<object, Member>();

  function fresh(): SharedState {
    const claimed = (): ReadonlySet<Vmid> =>
      new Set(
        [...members.values()].flatMap((each) =>
          each.state === state ? [...claimedIn({ ...each.identity, providers: each.providers() })] : [],
        ),
      );
    const state: SharedState = {
      vmids: createVmidAllocator(claimed, now),
      ledger: createLedger(now),
      cloneSlots: createCloneSlots(now, onSlotFree),
      moveSlots: createMoveSlots(now, onSlotFree),
    };
    return state;
  }

  function absorb(into: SharedState, from: SharedState | undefined): SharedState {
    if (!from || from === into) return into;
    into.vmids.absorb(from.vmids);
    into.ledger.absorb(from.ledger);
    into.cloneSlots.absorb(from.cloneSlots);
    into.moveSlots.absorb(from.moveSlots);
    return into;
  }

  function settle(connection: object, evidence: Evidence): SharedState {
    const state = members.get(connection)?.state;
    const others = [...members].flatMap(([other, member]) => (other === connection ? [] : [member]));
    const sharers = others.filter((other) => other.state === state);
    if (state && sharers.some((other) => haveSameCertificate(evidence, other.evidence))) return state;
    const match = others.find((other) => provesSameCluster(evidence, other.evidence));
    if (match) return absorb(match.state, state);
    return state && sharers.length === 0 ? state : absorb(fresh(), state);
  }

  return {
    of(connection, shows, before) {
      const inherited = before && members.get(before)?.state;
      const state = absorb(settle(connection, shows.evidence), inherited);
      members.set(connection, { ...shows, state });
      return state;
    },
    drop: (connection) => void members.delete(connection),
    release(uid) {
      for (const { ledger, cloneSlots, moveSlots } of new Set(
        [...members.values()].map(({ state }) => state),
      )) {
        ledger.release(uid);
        cloneSlots.end(uid);
        moveSlots.end(uid);
      }
    },
  };
}
