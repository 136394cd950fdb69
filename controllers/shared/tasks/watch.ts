/**
 * Follows the tasks of many VMs at once, by the list of a node's running tasks. Reading each task individually is quicker
 * while they are few; with many, that would be most of the requests to Proxmox VE.
 */
import { parseUpid, type Pve } from '../../../src/pve/index.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { Connection } from '../cluster/connections.ts';
import { pollGapMs } from './in-progress.ts';
import { usualMs, withEnded, type UsualTimes } from './usual-time.ts';

export interface FollowedTask {
  readonly connection: Pick<Connection, 'pve' | 'cloneSlots'>;
  readonly upid: Upid;
  /** Of the object that waits for it. */
  readonly uid: string;
}

export interface TaskWatch {
  /** `true`: the object gets a pass as soon as the task has left the list. `false`: the task must be read. */
  follow(task: FollowedTask): boolean;
  /** How long a task of this sort usually takes; `undefined`: none has ended yet. */
  usualMs(task: Pick<FollowedTask, 'connection' | 'upid'>): number | undefined;
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
  wasSeenRunning: boolean;
}

interface Group {
  readonly followers: Map<Upid, Follower>;
  isPolling: boolean;
}

/** Up to this many tasks of a node are read one by one. */
const MAX_READ_SINGLY = 2;

export function createTaskWatch({ wake, now, after = defer }: TaskWatchOptions): TaskWatch {
  const clusters = new WeakMap<Pve, Map<NodeName, Group>>();
  const usual = new WeakMap<Pve, UsualTimes>();

  const timesOf = (pve: Pve): UsualTimes => usual.get(pve) ?? new Map<string, number>();

  function learn(pve: Pve, upid: Upid, { since, wasSeenRunning }: Follower): void {
    const name = parseUpid(upid);
    if (name) usual.set(pve, withEnded(timesOf(pve), { ...name, tookMs: now() - since, wasSeenRunning }));
  }

  function usualOf(pve: Pve, upid: Upid): number | undefined {
    const name = parseUpid(upid);
    return name && usualMs(timesOf(pve), name);
  }

  function groupOf(pve: Pve, node: NodeName): Group {
    const groups = clusters.get(pve) ?? new Map<NodeName, Group>();
    clusters.set(pve, groups);
    const group = groups.get(node) ?? { followers: new Map<Upid, Follower>(), isPolling: false };
    groups.set(node, group);
    return group;
  }

  function pollLater(pve: Pve, node: NodeName, group: Group): void {
    const gaps = [...group.followers].map(([upid, { since }]) =>
      pollGapMs(now() - since, { usualMs: usualOf(pve, upid) }),
    );
    group.isPolling = true;
    after(Math.min(...gaps), () => void poll(pve, node, group));
  }

  async function poll(pve: Pve, node: NodeName, group: Group): Promise<void> {
    const { followers } = group;
    const before = [...followers];
    try {
      const running = new Set((await pve.node(node).activeTasks()).map(({ upid }) => upid));
      for (const [upid, follower] of before) {
        const { connection, uid } = follower;
        if (running.has(upid)) follower.wasSeenRunning = true;
        if (running.has(upid) || !followers.delete(upid)) continue;
        learn(pve, upid, follower);
        connection.cloneSlots.end(uid); // the next waiter need not wait for a pass of this VM
        wake(uid);
      }
    } catch {
      followers.clear(); // each task is read individually then, and followed again while it runs
    }
    group.isPolling = false;
    if (followers.size > 0) pollLater(pve, node, group);
  }

  return {
    follow({ connection, upid, uid }) {
      const node = parseUpid(upid)?.node;
      if (node === undefined) return false;
      const group = groupOf(connection.pve, node);
      const known = group.followers.get(upid);
      if (known) known.wasSeenRunning ||= !group.isPolling;
      else group.followers.set(upid, { connection, uid, since: now(), wasSeenRunning: false });
      if (!group.isPolling && group.followers.size > MAX_READ_SINGLY) pollLater(connection.pve, node, group);
      return group.isPolling;
    },
    forget({ connection: { pve }, upid }) {
      const node = parseUpid(upid)?.node;
      const followers = node === undefined ? undefined : groupOf(pve, node).followers;
      const follower = followers?.get(upid);
      if (follower) learn(pve, upid, follower);
      followers?.delete(upid);
    },
    usualMs: ({ connection: { pve }, upid }) => usualOf(pve, upid),
  };
}

const defer = (ms: number, run: () => void): void => void setTimeout(run, ms).unref();
