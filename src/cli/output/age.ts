/** How long ago something was, as kubectl prints it. Pure. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `90s`, `5m30s`, `3h`, `12d`; `<unknown>` without a time. */
export function ageOf(time: string | undefined, now: Date): string {
  const at = Date.parse(time ?? '');
  if (Number.isNaN(at)) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - at) / 1000));
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return two(seconds, [MINUTE, 'm'], [1, 's']);
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return two(seconds, [HOUR, 'h'], [MINUTE, 'm']);
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return two(seconds, [DAY, 'd'], [HOUR, 'h']);
  return `${Math.floor(seconds / DAY)}d`;
}

type Unit = readonly [seconds: number, name: string];

/** `5m30s`, and `5m` where nothing is left. */
function two(seconds: number, [large, name]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${name}${rest === 0 ? '' : `${rest}${smallName}`}`;
}
