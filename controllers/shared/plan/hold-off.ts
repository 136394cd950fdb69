/** How long a step waits before it is taken again. Pure. */

const MAX_HOLD_OFF_MS = 5 * 60_000;

/** 5 s, 10 s, 20 s … at most 5 min. */
export const holdOffMs = ({ attempts }: { readonly attempts: number }): number =>
  Math.min(5_000 * 2 ** Math.max(attempts - 1, 0), MAX_HOLD_OFF_MS);
