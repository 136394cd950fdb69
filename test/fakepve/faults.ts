import { type FaultInput, type LockHeld, faultSchema, isState } from './fault-rules.ts';
import type { RequestFault, StateFault } from './fault-rules.ts';
import type { TaskFault } from './tasks.ts';

interface Armed {
  readonly fault: RequestFault;
  readonly input: FaultInput;
  seen: number;
  timesApplied: number;
}

interface Holding {
  readonly fault: StateFault;
  readonly input: FaultInput;
  readonly since: number;
  readonly end: () => void;
}

/** Injected faults. */
export class Faults {
  private armed: Armed[] = [];
  private holding: Holding[] = [];
  private readonly holdLock: (fault: LockHeld) => () => void;

  private readonly now: () => number;

  /** `holdLock` takes the lock of a guest and returns a function that releases it. */
  constructor(holdLock: (fault: LockHeld) => () => void, now: () => number) {
    this.holdLock = holdLock;
    this.now = now;
  }

  /** Adds a rule; rules apply in the order in which they were added. */
  add(input: FaultInput): void {
    const fault = faultSchema.parse(input);
    if (!isState(fault)) this.armed.push({ fault, input, seen: 0, timesApplied: 0 });
    else {
      const end = fault.kind === 'lockHeld' ? this.holdLock(fault) : () => undefined;
      this.holding.push({ fault, input, since: this.now(), end });
    }
  }

  clear(): void {
    for (const { end } of this.holding.toReversed()) end();
    this.holding = [];
    this.armed = [];
  }

  /** Ends one rule that is in effect until it is cleared. */
  endState(input: FaultInput): void {
    const same = JSON.stringify(faultSchema.parse(input));
    const ended = this.holding.filter(({ fault }) => JSON.stringify(fault) === same);
    this.holding = this.holding.filter((rule) => !ended.includes(rule));
    for (const { end } of ended) end();
  }

  /** The rules as they were added. */
  list(): readonly FaultInput[] {
    return [...this.holding, ...this.armed].map(({ input }) => input);
  }

  /** The request rules that no request has matched yet. */
  unstruck(): readonly FaultInput[] {
    return this.armed.filter(({ timesApplied }) => timesApplied === 0).map(({ input }) => input);
  }

  isOffline(node: string): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'nodeOffline' && fault.node === node);
  }

  /** Milliseconds since the node stopped answering. */
  offlineFor(node: string): number {
    const offline = this.holding.find(({ fault }) => fault.kind === 'nodeOffline' && fault.node === node);
    return offline ? this.now() - offline.since : 0;
  }

  get noQuorum(): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'noQuorum');
  }

  isFull(storage: string): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'storageFull' && fault.storage === storage);
  }

  snapshotsFail(storage: string): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'snapshotsFail' && fault.storage === storage);
  }

  freezeFails(vmid: number): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'freezeFails' && (fault.vmid ?? vmid) === vmid);
  }

  isAgentSilent(vmid: number): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'agentSilent' && (fault.vmid ?? vmid) === vmid);
  }

  /** How many milliseconds the clock of that node is ahead. */
  skew(node: string): number {
    let ms = 0;
    for (const { fault } of this.holding)
      if (fault.kind === 'clockSkew' && (fault.node ?? node) === node) ms += fault.ms;
    return ms;
  }

  /** The faults that apply to this request; each rule is counted. */
  apply(method: string, path: string): readonly RequestFault[] {
    const hit = this.armed.filter(
      ({ fault }) =>
        (fault.method === undefined || fault.method === method) && (fault.path?.test(path) ?? true),
    );
    const applied = hit.filter((armed) => {
      armed.seen += 1;
      if (armed.seen <= armed.fault.after) return false;
      if (armed.fault.times !== undefined && armed.timesApplied >= armed.fault.times) return false;
      armed.timesApplied += 1;
      return true;
    });
    return applied.map(({ fault }) => fault);
  }
}

export function taskFault(faults: readonly RequestFault[]): TaskFault | undefined {
  for (const fault of faults) {
    if (fault.kind === 'taskFail') return { kind: 'fail', exitstatus: fault.exitstatus, late: fault.late };
    if (fault.kind === 'taskWarn') return { kind: 'warn', text: fault.text };
    if (fault.kind === 'taskHang') return { kind: 'hang' };
  }
  return undefined;
}
