/** How long ago something was, as kubectl prints it. Pure. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `90s`, `5m`, `3h`, `12d`; `<unknown>` without a time. */
export function ageOf(time: string | undefined, now: Date): string {
  const at = Date.parse(time ?? '');
  if (Number.isNaN(at)) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - at) / 1000));
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  return `${Math.floor(seconds / DAY)}d`;
}
