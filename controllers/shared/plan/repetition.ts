/**
 * A step that PVE reported done and that is planned again had no lasting effect: PVE only recorded it (HA manages
 * the guest), or something undoes it (the guest powers itself off). It is repeated more and more slowly. Pure.
 */
import { holdOffMs } from './hold-off.ts';
import type { Wait } from './rule.ts';
import { wait } from './rule.ts';

export interface LastStep {
  /** Equal for steps that ask the same of PVE for the same spec. */
  readonly signature: string;
  /** How often it was taken in a row. */
  readonly times: number;
  /** Epoch ms. */
  readonly at: number;
  /** It is not repeated earlier than this. */
  readonly graceMs: number;
}

/** An older step does not count. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;

/** @param graceMs how long PVE may take to perform the step after it reported it done */
export const taken = (last: LastStep | undefined, signature: string, now: number, graceMs = 0): LastStep => ({
  signature,
  graceMs,
  times: last?.signature === signature && now - last.at < FORGOTTEN_AFTER_MS ? last.times + 1 : 1,
  at: now,
});

export interface Repeated {
  readonly signature: string;
  /** The step looks before it acts, so that taking it once more is what finds out that it had its effect. */
  readonly looksFirst: boolean;
}

/** What to do instead of repeating a step too soon. */
export function waitBeforeRepeat(
  last: LastStep | undefined,
  { signature, looksFirst }: Repeated,
  now: number,
): Wait | undefined {
  if (last?.signature !== signature || now - last.at >= FORGOTTEN_AFTER_MS) return undefined;
  const attempts = looksFirst ? last.times - 1 : last.times;
  if (attempts === 0) return undefined;
  const left = last.at + Math.max(holdOffMs({ attempts }), last.graceMs) - now;
  return left > 0
    ? wait(
        'NotInEffect',
        'Proxmox VE reported the last step as done, but it has no effect yet: HA may still be carrying it out, or something undoes it. The operator retries it shortly.',
        left,
      )
    : undefined;
}
