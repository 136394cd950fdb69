/**
 * What this process knows about a guest beyond status: nothing that must survive, only what saves requests
 * or shortens a wait. After a restart everything here is unknown, and unknown is the careful answer.
 */
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import { createHeap, type Heap } from '../../../src/lib/heap.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { ReconcileResult } from '../../../src/runtime/controller.ts';
import type { BestEffortWrite } from './config.ts';
import type { Facts } from './facts.ts';
import type { Probe } from '../guest-agent/readiness.ts';
import type { Refused } from '../placement/refusal.ts';
import type { LastStep } from '../../shared/plan/repetition.ts';

export interface ProcessState {
  /**
   * What we know of our clone request. `unsent`: the number was reserved by this process and nothing was sent;
   * `ended`: its task has ended. Absent: it may be under way.
   */
  clone?: 'unsent' | 'ended';
  /** Epoch ms: since when nobody knows what became of it. */
  unknownSince?: number;
  /** No request of an earlier process, or one that got no answer, can still be under way. */
  quiescent: boolean;
  /** The task that the last step began; absent where there was none, or no answer. */
  startedTask?: Upid;
  /** How far the task had come, and when that was looked up; epoch ms. */
  progress?: { readonly upid: Upid; readonly at: number; readonly text: string | undefined };
  /** The cluster was read since this object is known. */
  surveyed?: true;
  /** Why the guest cannot be made, as it was worded last. */
  refused?: Refused;
  /** What was found when everything was last read, and what it rested on. */
  rest?: {
    readonly key: string;
    readonly facts: Facts;
    readonly result: ReconcileResult<VirtualMachineStatus>;
    /** Epoch ms. */
    readonly at: number;
  };
  /** Epoch ms: since when PVE holds a lock on the guest that no task accounts for. */
  lockedSince?: number;
  /** What PVE refused of the options that are written alone. */
  refusedWrites?: Partial<
    Record<
      BestEffortWrite['key'],
      { readonly value: string | undefined; readonly said: string; readonly at: number }
    >
  >;
  /** The last step that was taken. */
  last?: LastStep;
  /** We started the guest, and it was not seen to run since. */
  boots?: true;
  /** Epoch ms: before this a guest that was just started has no agent that could answer. */
  agentNotBefore?: number;
  /** The restart that this process announced, so that no other can have begun it. */
  announced?: string;
  /** A shutdown got no answer, or may have been asked for by an earlier process; epoch ms: since when nobody waits for it. */
  shutdown?: 'unanswered';
  shutdownSince?: number;
  /** What is known of the readiness probe, while the guest runs. */
  probe?: Probe;
  /** Epoch ms: when to see again whether a restart is due. */
  restartDueAt?: number;
  /** Epoch ms: since when addresses are looked for, and when to ask the guest agent next. */
  agentSince?: number;
  agentDueAt?: number;
}

export interface ProcessStates {
  of(uid: string): ProcessState;
  forget(uid: string): void;
  /** Makes the next pass read everything again. */
  invalidate(uid: string): void;
  /**
   * Remembers what was found of a settled guest.
   * @param cluster the same object for all guests of one PVE cluster
   */
  settle(uid: string, rest: NonNullable<ProcessState['rest']>, cluster: object): void;
  /** Of each PVE cluster the settled guest that was read longest ago, and when. */
  oldest(): readonly { readonly uid: string; readonly at: number }[];
}

interface Scheduled {
  readonly uid: string;
  /** Epoch ms: when it was read, or earlier. */
  readonly at: number;
  readonly cluster: object;
}

export function createProcessStates(): ProcessStates {
  const processStates = new Map<string, ProcessState>();
  /** By PVE cluster. An entry may be out of date, which shows when it comes to the top. */
  const schedules = new Map<object, Heap<Scheduled>>();
  const scheduled = new Map<string, Scheduled>();

  function schedule(entry: Scheduled): void {
    const heap = schedules.get(entry.cluster) ?? createHeap<Scheduled>(({ at }) => at);
    schedules.set(entry.cluster, heap);
    heap.push(entry);
    scheduled.set(entry.uid, entry);
  }

  /** What is at the top and up to date; on the way there each entry is moved at most once. */
  function oldestIn(heap: Heap<Scheduled>): Scheduled | undefined {
    for (let top = heap.peek(); top; top = heap.peek()) {
      const { uid, at, cluster } = top;
      const isCurrent = scheduled.get(uid) === top;
      const readAt = processStates.get(uid)?.rest?.at;
      if (isCurrent && readAt === at) return top;
      heap.pop();
      if (!isCurrent) continue;
      if (readAt === undefined) scheduled.delete(uid);
      else schedule({ uid, at: readAt, cluster });
    }
    return undefined;
  }

  function of(uid: string): ProcessState {
    const known = processStates.get(uid) ?? { quiescent: false };
    processStates.set(uid, known);
    return known;
  }

  return {
    of,
    forget: (uid) => void processStates.delete(uid),
    invalidate(uid) {
      const known = processStates.get(uid);
      if (known) delete known.rest;
    },
    settle(uid, rest, cluster) {
      of(uid).rest = rest;
      const before = scheduled.get(uid);
      // One that is due earlier is moved when it comes to the top.
      if (!before || before.cluster !== cluster || before.at > rest.at)
        schedule({ uid, at: rest.at, cluster });
    },
    oldest() {
      const found: Scheduled[] = [];
      for (const [cluster, heap] of schedules) {
        const top = oldestIn(heap);
        if (top) found.push(top);
        else schedules.delete(cluster);
      }
      return found;
    },
  };
}
