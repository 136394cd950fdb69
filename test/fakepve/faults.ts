import { type FaultInput, type LockHeld, faultSchema, isState } from './fault-rules.ts';
import type { RequestFault, StateFault } from './fault-rules.ts';
import type { TaskFault } from './tasks.ts';

interface Armed {
  readonly fault: RequestFault;
  readonly input: FaultInput;
  seen: number;
  struck: number;
}

interface Holding {
  readonly fault: StateFault;
  readonly input: FaultInput;
  readonly end: () => void;
}

/** What goes wrong on purpose. */
export class Faults {
  private armed: Armed[] = [];
  private holding: Holding[] = [];
  private readonly holdLock: (fault: LockHeld) => () => void;

  /** `holdLock` takes a guest's lock and gives what frees it. */
  constructor(holdLock: (fault: LockHeld) => () => void) {
    this.holdLock = holdLock;
  }

  /** Arms a rule; they strike in the order in which they came. */
  add(input: FaultInput): void {
    const fault = faultSchema.parse(input);
    if (!isState(fault)) this.armed.push({ fault, input, seen: 0, struck: 0 });
    else {
      const end = fault.kind === 'lockHeld' ? this.holdLock(fault) : () => undefined;
      this.holding.push({ fault, input, end });
    }
  }

  clear(): void {
    for (const { end } of this.holding.toReversed()) end();
    this.holding = [];
    this.armed = [];
  }

  /** The rules as they were given. */
  list(): readonly FaultInput[] {
    return [...this.holding, ...this.armed].map(({ input }) => input);
  }

  /** The rules for requests that no request has met. */
  unstruck(): readonly FaultInput[] {
    return this.armed.filter(({ struck }) => struck === 0).map(({ input }) => input);
  }

  isOffline(node: string): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'nodeOffline' && fault.node === node);
  }

  get noQuorum(): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'noQuorum');
  }

  isFull(storage: string): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'storageFull' && fault.storage === storage);
  }

  isAgentSilent(vmid: number): boolean {
    return this.holding.some(({ fault }) => fault.kind === 'agentSilent' && (fault.vmid ?? vmid) === vmid);
  }

  /** By how many milliseconds that node's clock is ahead. */
  skew(node: string): number {
    let ms = 0;
    for (const { fault } of this.holding)
      if (fault.kind === 'clockSkew' && (fault.node ?? node) === node) ms += fault.ms;
    return ms;
  }

  /** The rules that strike this request; each is counted. */
  strike(method: string, path: string): readonly RequestFault[] {
    const hit = this.armed.filter(
      ({ fault }) =>
        (fault.method === undefined || fault.method === method) && (fault.path?.test(path) ?? true),
    );
    const striking = hit.filter((armed) => {
      armed.seen += 1;
      if (armed.seen <= armed.fault.after) return false;
      if (armed.fault.times !== undefined && armed.struck >= armed.fault.times) return false;
      armed.struck += 1;
      return true;
    });
    return striking.map(({ fault }) => fault);
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
