/** Work that several callers wait for, each with a signal of its own. */

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/**
 * Waits for the promise, or until the signal fires; the work itself goes on.
 * @throws the signal's reason when the signal fires first
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  promise.catch(() => undefined); // handled even if the signal fires first
  if (!signal) return promise;
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
}
