/** Durations in the format of Kubernetes: `60s`, `5m`, `1h30m`. */
import type { Result } from './result.ts';
import { millis, type Millis } from './units.ts';

/** The supported subset of Go's duration syntax. RE2-compatible, because the CRDs contain it. */
export const durationPattern = /^([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+$/;

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses a duration, rounded to whole milliseconds. */
export function parseDuration(text: string): Result<Millis> {
  if (!durationPattern.test(text)) {
    return { problem: `"${text}" is not a duration. Use a number and a unit, for example 60s or 5m` };
  }
  const parts = [...text.matchAll(/([0-9.]+)(ms|s|m|h)/g)];
  const total = parts.reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (milliseconds[unit] ?? 0),
    0,
  );
  return { value: millis(Math.round(total)) };
}

/** Prints a duration as it is written in a spec: 90000 is `90s`, 1500 is `1s500ms`. */
export function formatDuration(span: Millis): string {
  const rest = span % 1000;
  return `${Math.floor(span / 1000)}s${rest === 0 ? '' : `${rest}ms`}`;
}
