/** Work that ends by a deadline or with its caller, whichever comes first. */
import type { Millis } from '../lib/units.ts';
import type { Clock } from './clock.ts';

export interface Deadline {
  readonly clock: Clock;
  readonly limit: Millis;
  readonly signal?: AbortSignal | undefined;
  /** Why the work is over when time runs out, as a sentence. */
  readonly overdue: string;
}

/** A signal that is aborted after the limit or with the caller's signal; `release` once it is no longer needed. */
export interface LimitedSignal {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/** Written out because `AbortSignal.any` keeps what it makes alive as long as the caller's signal. */
export function limitedSignal({ clock, limit, signal, overdue }: Deadline): LimitedSignal {
  const ending = new AbortController();
  const end = (reason: unknown): void =>
    ending.abort(reason instanceof Error ? reason : new Error(String(reason)));
  const followCaller = (): void => end(signal?.reason);
  if (signal?.aborted) followCaller();
  signal?.addEventListener('abort', followCaller);
  const cancel = clock.after(limit, () => end(new Error(overdue)));
  return {
    signal: ending.signal,
    release() {
      cancel();
      signal?.removeEventListener('abort', followCaller);
    },
  };
}

/** Gives `work` such a signal, and does not wait for work that ignores it. */
export async function withDeadline<T>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, release } = limitedSignal(deadline);
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([ended, work(signal)]);
  } finally {
    release();
  }
}
