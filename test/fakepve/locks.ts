import { failure } from './errors.ts';
import type { Clock } from './clock.ts';

type Mode = 'exclusive' | 'shared';

interface Waiting {
  readonly mode: Mode;
  readonly take: () => void;
}

interface Lock {
  mode: Mode;
  holders: number;
  readonly queue: Waiting[];
}

export interface HoldOptions {
  readonly timeoutMs: number;
  /** Several shared holders may hold a lock at the same time. */
  readonly mode?: Mode;
  readonly log?: (line: string) => void;
}

/** The lock files of guests; waiting for one times out. */
export class Locks {
  private readonly locks = new Map<number, Lock>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Runs `work` while holding that guest's lock. */
  async hold<T>(vmid: number, work: () => Promise<T>, options: HoldOptions): Promise<T> {
    const mode = options.mode ?? 'exclusive';
    if (!this.tryTake(vmid, mode)) await this.wait(vmid, mode, options);
    try {
      return await work();
    } finally {
      this.release(vmid);
    }
  }

  /** Takes the lock, or the first place in its queue, for an unknown holder; returns a function that releases it. */
  seize(vmid: number): () => void {
    const mode = 'exclusive';
    const entry: Waiting = { mode, take: () => undefined };
    if (!this.tryTake(vmid, mode)) this.locks.get(vmid)?.queue.unshift(entry);
    return () => {
      const queue = this.locks.get(vmid)?.queue ?? [];
      const at = queue.indexOf(entry);
      if (at < 0) this.release(vmid);
      else queue.splice(at, 1);
    };
  }

  private tryTake(vmid: number, mode: Mode): boolean {
    const lock = this.locks.get(vmid);
    if (!lock) {
      this.locks.set(vmid, { mode, holders: 1, queue: [] });
      return true;
    }
    if (lock.mode === 'exclusive' || mode === 'exclusive' || lock.queue.length > 0) return false;
    lock.holders += 1;
    return true;
  }

  private async wait(vmid: number, mode: Mode, { timeoutMs, log }: HoldOptions): Promise<void> {
    log?.('trying to acquire lock...');
    const queue = this.locks.get(vmid)?.queue ?? [];
    const controller = new AbortController();
    const { promise: granted, resolve } = Promise.withResolvers<'mine'>();
    const entry: Waiting = { mode, take: () => resolve('mine') };
    queue.push(entry);
    const timeout = this.clock.sleep(timeoutMs, controller.signal).then(
      () => 'over' as const,
      () => 'over' as const,
    );
    if ((await Promise.race([granted, timeout])) === 'mine') {
      controller.abort();
      log?.(' OK');
      return;
    }
    queue.splice(queue.indexOf(entry), 1);
    throw failure(`can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`);
  }

  /** Passes the lock to the first waiter, and to others that can share it. */
  private release(vmid: number): void {
    const lock = this.locks.get(vmid);
    if (!lock) return;
    lock.holders -= 1;
    if (lock.holders > 0) return;
    const [first] = lock.queue;
    if (!first) {
      this.locks.delete(vmid);
      return;
    }
    lock.mode = first.mode;
    const end = first.mode === 'exclusive' ? 1 : lock.queue.findIndex(({ mode }) => mode === 'exclusive');
    for (const next of lock.queue.splice(0, end < 0 ? lock.queue.length : end)) {
      lock.holders += 1;
      next.take();
    }
  }
}
