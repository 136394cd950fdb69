import { PveError, failure, paramError } from './errors.ts';
import { callerId, has, isRoot, require, requireAny } from './permissions.ts';
import type { Guest } from './guest.ts';
import type { Caller } from './permissions.ts';
import type { Values } from './schema/verify.ts';
import type { Task, TaskFault, TaskRun } from './tasks.ts';
import type { World } from './world.ts';

export interface UploadedFile {
  readonly name: string;
  readonly data: Buffer;
}

/** One validated request, with what handlers need to answer it. */
export class Call {
  readonly world: World;
  readonly caller: Caller;
  readonly params: Values;
  readonly file: UploadedFile | undefined;
  private fault: TaskFault | undefined;

  constructor(
    world: World,
    caller: Caller,
    {
      params,
      file,
      fault,
    }: { params: Values; file?: UploadedFile | undefined; fault?: TaskFault | undefined },
  ) {
    this.world = world;
    this.caller = caller;
    this.params = params;
    this.file = file;
    this.fault = fault;
  }

  /** A parameter as text, if it was given. */
  get(name: string): string | undefined {
    const value = this.params[name];
    return value === undefined ? undefined : typeof value === 'string' ? value : value.join('\0');
  }

  /** A parameter that the schema requires. */
  text(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new PveError(500, `the fake expected a parameter '${name}'\n`);
    return value;
  }

  int(name: string): number | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : Number(value);
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : /^(?:1|on|yes|true)$/i.test(value);
  }

  get node(): string {
    return this.text('node');
  }

  get vmid(): number {
    return Number(this.text('vmid'));
  }

  get guest(): Guest {
    return this.world.guest(this.node, this.vmid);
  }

  get isRoot(): boolean {
    return isRoot(this.caller);
  }

  may(path: string, privilege: string): boolean {
    return has(this.world.access, this.caller, path, privilege);
  }

  need(path: string, ...names: readonly string[]): void {
    require(this.world.access, this.caller, path, names);
  }

  needAny(path: string, ...names: readonly string[]): void {
    requireAny(this.world.access, this.caller, path, names);
  }

  needPool(id: string): void {
    if (!this.world.pools.has(id))
      throw new PveError(403, `Permission check failed (pool '${id}' does not exist)\n`);
  }

  /** Some parameters are reserved for root. */
  refuseUnlessRoot(...names: readonly string[]): void {
    for (const name of this.isRoot ? [] : names) {
      const value = this.get(name);
      if (value !== undefined && !/^(?:0|off|no|false)$/i.test(value))
        throw paramError({ [name]: 'Only root may use this option.' });
    }
  }

  refuseSkiplock(): void {
    this.refuseUnlessRoot('skiplock');
  }

  /** Starts a task and returns its UPID. */
  start(type: string, id: string | number, work: (run: TaskRun) => Promise<void>): string {
    return this.startTask(type, id, work).upid;
  }

  startTask(type: string, id: string | number, work: (run: TaskRun) => Promise<void>): Task {
    const node = this.get('node') ?? this.world.localNode.name;
    const { fault } = this;
    // A fault applies to the task that answers the request, not to tasks that this one starts.
    this.fault = undefined;
    return this.world.tasks.start({ node, type, id: String(id), user: callerId(this.caller), fault }, work);
  }

  /** The same, while holding the lock of the guest. */
  startLocked(
    type: string,
    id: string | number,
    work: (run: TaskRun) => Promise<void>,
    vmid = this.vmid,
  ): string {
    return this.start(type, id, (run) => holding(this.world, vmid, run, () => work(run)));
  }
}

/** Runs part of a task while holding the lock of the guest; times out as PVE does. */
export async function holding<T>(
  world: World,
  vmid: number,
  run: TaskRun,
  work: () => Promise<T>,
): Promise<T> {
  return world.locks.hold(vmid, work, { timeoutMs: world.wait(world.latency.lockTimeout), log: run.log });
}

/** Refuses while the configuration has a lock. */
export function checkLock(guest: Guest): void {
  const lock = guest.get('lock');
  if (lock !== undefined) throw failure(`VM is locked (${lock})`);
}

/** A result with members in addition to `data`. */
export class Answer {
  readonly data: unknown;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(data: unknown, members: Readonly<Record<string, unknown>>) {
    this.data = data;
    this.members = members;
  }
}

/** A result that is already serialized as JSON. */
export class Json {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Handler = (call: Call) => unknown;
/** By `METHOD /path/{placeholder}`. */
export type Routes = Readonly<Record<string, Handler>>;
