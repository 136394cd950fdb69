/**
 * Follows the tasks of many VMs at once: one list of a node's running tasks tells about all of them. To ask for each
 * by itself is quicker while they are few; with many, it would be most of what the operator asks of Proxmox VE.
 */
import { parseUpid, type Pve } from '../../../src/pve/index.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { Connection } from '../cluster/connections.ts';
import { pollGapMs } from './in-progress.ts';

export interface FollowedTask {
  readonly connection: Pick<Connection, 'pve' | 'cloneSlots'>;
  readonly upid: Upid;
  /** Of the object that waits for it. */
  readonly uid: string;
}

export interface TaskWatch {
  /** `true`: the object is woken as soon as the task has left the list. `false`: the task must be asked for. */
  follow(task: FollowedTask): boolean;
  /** It is known how the task ended. */
  forget(task: Pick<FollowedTask, 'connection' | 'upid'>): void;
}

export interface TaskWatchOptions {
  readonly wake: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
  readonly after?: (ms: number, run: () => void) => void;
}

interface Follower extends Pick<FollowedTask, 'connection' | 'uid'> {
  readonly since: number;
}

interface Group {
  readonly followers: Map<Upid, Follower>;
  isLooking: boolean;
}

/** Up to so many tasks of a node are asked for one by one. */
const FEW = 2;

export function createTaskWatch({ wake, now, after = defer }: TaskWatchOptions): TaskWatch {
  const clusters = new WeakMap<Pve, Map<NodeName, Group>>();

  function groupOf(pve: Pve, node: NodeName): Group {
    const groups = clusters.get(pve) ?? new Map<NodeName, Group>();
    clusters.set(pve, groups);
    const group = groups.get(node) ?? { followers: new Map<Upid, Follower>(), isLooking: false };
    groups.set(node, group);
    return group;
  }

  function lookLater(pve: Pve, node: NodeName, group: Group): void {
    const youngest = Math.max(...[...group.followers.values()].map(({ since }) => since));
    group.isLooking = true;
    after(pollGapMs(now() - youngest), () => void look(pve, node, group));
  }

  async function look(pve: Pve, node: NodeName, group: Group): Promise<void> {
    const { followers } = group;
    const asked = [...followers];
    try {
      const running = new Set((await pve.node(node).activeTasks()).map(({ upid }) => upid));
      for (const [upid, { connection, uid }] of asked) {
        if (running.has(upid) || !followers.delete(upid)) continue;
        connection.cloneSlots.end(uid); // whoever waits for its turn need not wait for its next pass
        wake(uid);
      }
    } catch {
      followers.clear(); // each is asked for by itself then, and comes back while it runs
    }
    group.isLooking = false;
    if (followers.size > 0) lookLater(pve, node, group);
  }

  return {
    follow({ connection, upid, uid }) {
      const node = parseUpid(upid)?.node;
      if (node === undefined) return false;
      const group = groupOf(connection.pve, node);
      if (!group.followers.has(upid)) group.followers.set(upid, { connection, uid, since: now() });
      if (!group.isLooking && group.followers.size > FEW) lookLater(connection.pve, node, group);
      return group.isLooking;
    },
    forget({ connection: { pve }, upid }) {
      const node = parseUpid(upid)?.node;
      if (node !== undefined) groupOf(pve, node).followers.delete(upid);
    },
  };
}

const defer = (ms: number, run: () => void): void => void setTimeout(run, ms).unref();
