/** How long a request that nobody waits for any more may still arrive. Pure. */
import type { DownloadEntry } from './model.ts';

/** It has arrived by then, or never will. */
export const IN_FLIGHT_MS = 60_000;

/** For how long the last request for a file may still arrive. Its failure was seen: it does not. */
export function inFlightMs({ at, failure }: DownloadEntry, now: number): number {
  const isOver = failure !== undefined && Date.parse(failure.at) >= Date.parse(at);
  return isOver ? 0 : Date.parse(at) + IN_FLIGHT_MS - now;
}
