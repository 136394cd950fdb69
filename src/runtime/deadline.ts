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

/**
 * Gives `work` a signal that is aborted after the limit or with the caller's signal, and does not wait for work
 * that ignores it. Written out because `AbortSignal.any` keeps what it makes alive as long as the caller's signal.
 */
export async function withDeadline<T>(
  { clock, limit, signal, overdue }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown): void => {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    ending.abort(error);
    reject(error);
  };
  const followCaller = (): void => end(signal?.reason);
  if (signal?.aborted) followCaller();
  signal?.addEventListener('abort', followCaller);
  const cancel = clock.after(limit, () => end(new Error(overdue)));
  try {
    return await Promise.race([ended, work(ending.signal)]);
  } finally {
    cancel();
    signal?.removeEventListener('abort', followCaller);
  }
}
