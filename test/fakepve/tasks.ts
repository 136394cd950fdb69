import { Interrupted } from './clock.ts';
import { taskMessage } from './errors.ts';
import { formatUpid } from './upid.ts';
import type { Clock } from './clock.ts';
import type { Latency } from './latency.ts';
import type { Random } from './random.ts';

export interface Task {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  /** With the token: `root@pam!operator`. */
  readonly user: string;
  readonly pid: number;
  readonly pstart: number;
  /** Seconds since 1970. */
  readonly starttime: number;
  readonly log: string[];
  endtime: number | undefined;
  /** `OK`, `WARNINGS: n` or the error; absent while it runs. */
  exitstatus: string | undefined;
}

/** How a fault changes a task that is about to run. */
export type TaskFault =
  | { readonly kind: 'fail'; readonly exitstatus: string; readonly late: boolean }
  | { readonly kind: 'warn'; readonly text: string }
  | { readonly kind: 'hang' };

/** What the work of a task may use. */
export interface TaskRun {
  readonly task: Task;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly warn: (text: string) => void;
  /** Waits for `ms`, multiplied by the scale of the latency profile. */
  readonly sleep: (ms: number) => Promise<void>;
}

export interface TaskRequest {
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  readonly fault?: TaskFault | undefined;
}

interface Environment {
  readonly clock: Clock;
  readonly latency: Latency;
  readonly random: Random;
  /** Seconds since 1970 on the clock of that node. */
  seconds(node: string): number;
}

/** Tasks run in the background, as PVE's workers do. */
export class Tasks {
  private readonly all = new Map<string, Task>();
  private readonly running = new Map<string, { controller: AbortController; done: Promise<void> }>();
  private readonly environment: Environment;
  private nextPid: number;

  constructor(environment: Environment) {
    this.environment = environment;
    this.nextPid = environment.random.integer(1000, 9000);
  }

  /** Newest first. */
  list(): readonly Task[] {
    return [...this.all.values()].reverse();
  }

  get(upid: string): Task | undefined {
    return this.all.get(upid);
  }

  active(): readonly Task[] {
    return this.list().filter((task) => task.exitstatus === undefined);
  }

  pid(): number {
    this.nextPid += 1;
    return this.nextPid;
  }

  start(request: TaskRequest, work: (run: TaskRun) => Promise<void>): Task {
    const { random } = this.environment;
    const parts = {
      node: request.node,
      pid: this.pid(),
      pstart: random.integer(100_000, 9_000_000),
      starttime: this.environment.seconds(request.node),
      type: request.type,
      id: request.id,
      user: request.user,
    };
    const task: Task = {
      ...parts,
      upid: formatUpid(parts),
      log: [],
      endtime: undefined,
      exitstatus: undefined,
    };
    this.all.set(task.upid, task);
    const controller = new AbortController();
    const done = this.run(task, controller.signal, request.fault, work);
    this.running.set(task.upid, { controller, done });
    void done.then(() => this.running.delete(task.upid));
    return task;
  }

  /** Interrupts a task; it ends with `received interrupt`. */
  abort(upid: string): void {
    this.running.get(upid)?.controller.abort();
  }

  /** Resolves when the task has ended. */
  async ended(upid: string): Promise<Task | undefined> {
    await this.running.get(upid)?.done;
    return this.all.get(upid);
  }

  /** Aborts all tasks when the world is replaced. */
  async stop(): Promise<void> {
    const ends = [...this.running.values()].map(async ({ controller, done }) => {
      controller.abort();
      await done;
    });
    await Promise.all(ends);
  }

  private async run(
    task: Task,
    signal: AbortSignal,
    fault: TaskFault | undefined,
    work: (run: TaskRun) => Promise<void>,
  ): Promise<void> {
    let warnings = 0;
    const warn = (text: string): void => {
      warnings += 1;
      task.log.push(`WARN: ${text}`);
    };
    const sleep = (ms: number): Promise<void> =>
      this.environment.clock.sleep(ms * this.environment.latency.scale, signal);
    const run = { task, signal, warn, sleep, log: (line: string) => void task.log.push(line) };
    // The reply with the UPID is sent before any work is done.
    await Promise.resolve();
    try {
      await work(withFault(run, fault));
      if (fault?.kind === 'fail') throw new Error(fault.exitstatus);
      task.exitstatus = warnings === 0 ? 'OK' : `WARNINGS: ${warnings}`;
      task.log.push(`TASK ${task.exitstatus}`);
    } catch (error) {
      task.exitstatus = exitStatus(error, fault);
      task.log.push(`TASK ERROR: ${task.exitstatus}`);
    }
    task.endtime = this.environment.seconds(task.node);
  }
}

/** A fault occurs where the work first waits, so that the work can clean up. */
function withFault(run: TaskRun, fault: TaskFault | undefined): TaskRun {
  if (fault?.kind === 'hang') return { ...run, sleep: () => untilAborted(run.signal) };
  if (fault?.kind === 'fail' && !fault.late)
    return { ...run, sleep: () => Promise.reject(new Error(fault.exitstatus)) };
  if (fault?.kind === 'warn') run.warn(fault.text);
  return run;
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => reject(new Interrupted());
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });

function exitStatus(error: unknown, fault: TaskFault | undefined): string {
  if (fault?.kind === 'fail') return fault.exitstatus;
  return taskMessage(error);
}
