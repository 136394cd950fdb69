/**
 * What this process knows about a guest beyond its status, in slices. Nothing here must survive the process: it saves
 * requests or shortens a wait. After a restart everything here is unknown, and unknown is the careful answer. Each
 * slice is computed only by the file that docs/architecture.md names as its owner; everybody else reads.
 */
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import { createHeap, type Heap } from '../../../src/lib/heap.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { ReconcileResult } from '../../../src/runtime/controller.ts';
import type { LastStep } from '../../shared/plan/repetition.ts';
import type { BestEffortWrite } from './config.ts';
import type { Facts } from './facts.ts';
import type { Refused } from '../../shared/placement/model.ts';
import type { Probe } from './probe.ts';

/** Our request for a clone. */
export interface CloneRequest {
  /** `unsent`: this process reserved the number and sent nothing; `ended`: its task has ended. Absent: it may be in flight. */
  readonly outcome?: 'unsent' | 'ended';
  /** Epoch ms: since when its outcome is unknown. */
  readonly unknownSince?: number;
}

/** Requests and tasks that may still change the guest. */
export interface InFlight {
  /** No request of an earlier process, or one without an answer, can still be in flight. */
  readonly quiescent: boolean;
  /** The task that the last step started; absent where there was none, or no answer. */
  readonly startedTask?: Upid | undefined;
  /** Epoch ms: since when PVE holds a lock on the guest that no task accounts for. */
  readonly lockedSince?: number | undefined;
  /** Epoch ms: when a stop of ours was seen to have ended. */
  readonly stoppedAt?: number | undefined;
}

/** How far a task had come, and when its log was read; epoch ms. */
export interface Progress {
  readonly upid: Upid;
  readonly at: number;
  readonly text: string | undefined;
}

/** What was found when everything was read last, and what it rests on. */
export interface Rest {
  readonly key: string;
  readonly facts: Facts;
  readonly result: ReconcileResult<VirtualMachineStatus>;
  /** Epoch ms. */
  readonly at: number;
}

/** The best-effort writes that PVE refused last. */
export type RefusedWrites = Readonly<
  Partial<
    Record<
      BestEffortWrite['key'],
      { readonly value: string | undefined; readonly pveMessage: string; readonly at: number }
    >
  >
>;

/** When the guest agent is asked; epoch ms. */
export interface AgentSchedule {
  /** We started the guest, and have not seen it running since. */
  readonly boots?: true | undefined;
  /** Until then a guest that was just started has no agent that could answer. */
  readonly notBefore?: number | undefined;
  /** Since when addresses are looked for. */
  readonly since?: number | undefined;
  /** When the guest was started that they are looked for in. */
  readonly startedAt?: number | undefined;
  readonly dueAt?: number | undefined;
}

/** Whether a restart is in doubt, and when the next one may be due. */
export interface RestartDoubt {
  /** The restart that this process announced, so that no other can have begun it. */
  readonly announced?: string | undefined;
  /** A shutdown got no answer, or an earlier process may have requested it. */
  readonly shutdown?: 'unanswered' | undefined;
  /** Epoch ms: since when nobody waits for its answer. */
  readonly shutdownSince?: number | undefined;
  /** Epoch ms. */
  readonly dueAt?: number | undefined;
}

export interface ProcessState {
  readonly cloneRequest: CloneRequest;
  readonly inFlight: InFlight;
  readonly progress?: Progress | undefined;
  /** The cluster was read since this object is known to have no VMID. */
  readonly surveyed: boolean;
  /** Why the guest cannot be made, as it was worded last. */
  readonly placementRefusal?: Refused | undefined;
  readonly rest?: Rest | undefined;
  readonly refusedWrites: RefusedWrites;
  readonly lastStep?: LastStep | undefined;
  readonly agent: AgentSchedule;
  readonly restart: RestartDoubt;
  /** What is known of the readiness probe, while the guest runs. */
  readonly probe?: Probe | undefined;
}

export interface ProcessStates {
  of(uid: string): ProcessState;
  forget(uid: string): void;
  /** Makes the next pass read everything again. */
  invalidate(uid: string): void;
  /**
   * Remembers what was found of a settled guest, unless its object was forgotten meanwhile.
   * @param cluster the same object for all guests of one PVE cluster
   */
  settle(uid: string, rest: Rest, cluster: object): void;
  /** Of each PVE cluster the settled guest that was read longest ago, and when. */
  oldest(): readonly { readonly uid: string; readonly at: number }[];
}

interface Scheduled {
  readonly uid: string;
  /** Epoch ms: when it was read, or earlier. */
  readonly at: number;
  readonly cluster: object;
}

export const unknownState = (): ProcessState => ({
  cloneRequest: {},
  inFlight: { quiescent: false },
  surveyed: false,
  refusedWrites: {},
  agent: {},
  restart: {},
});

/** Replaces slices by what their owners computed. */
export const remember = (state: ProcessState, slices: Partial<ProcessState>): void =>
  void Object.assign(state, slices);

export const isDue = (at: number | undefined, now: number): boolean => at !== undefined && at <= now;

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
    const known = processStates.get(uid) ?? unknownState();
    processStates.set(uid, known);
    return known;
  }

  return {
    of,
    forget: (uid) => void processStates.delete(uid),
    invalidate(uid) {
      const known = processStates.get(uid);
      if (known) remember(known, { rest: undefined });
    },
    settle(uid, rest, cluster) {
      const known = processStates.get(uid);
      if (!known) return;
      remember(known, { rest });
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
