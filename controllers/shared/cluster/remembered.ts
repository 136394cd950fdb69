/** Answers of Proxmox VE that hardly ever change: fifty VMs that are created at once should not ask fifty times. */
import type { Pve } from '../../../src/pve/index.ts';

/** The answer for a key; `read` gives it if it is not known. `undefined` is not remembered. */
export type Remembered<T> = (
  pve: Pve,
  key: string,
  read: () => Promise<T | undefined>,
) => Promise<T | undefined>;

/** @param now - epoch ms */
export function remembered<T>(now: () => number, forMs: number): Remembered<T> {
  /** A Connection is created again in each pass of its Provider; the handles stay. */
  const known = new WeakMap<Pve, Map<string, { readonly answer: T; readonly until: number }>>();
  return async (pve, key, read) => {
    const answers = known.get(pve) ?? new Map<string, { answer: T; until: number }>();
    known.set(pve, answers);
    for (const [each, { until }] of answers) if (until <= now()) answers.delete(each);
    const cached = answers.get(key);
    if (cached) return cached.answer;
    const answer = await read();
    if (answer !== undefined) answers.set(key, { answer, until: now() + forMs });
    return answer;
  };
}
