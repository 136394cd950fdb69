/** What a scenario gave: figures, and what of them exceeds its thresholds. Pure. */
import type { Scenario } from './scenarios.ts';

export interface Measured {
  readonly scenario: Scenario;
  /** Milliseconds of each operation that succeeded, in the order in which they ended. */
  readonly took: readonly number[];
  /** Why the others did not. */
  readonly failures: readonly string[];
  /** Of the whole scenario. */
  readonly lastedMs: number;
}

export interface Figures {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Operations a minute. */
  readonly throughput: number;
}

/** By nearest rank. NaN: nothing was measured. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;

export function figuresOf({ took, lastedMs }: Pick<Measured, 'took' | 'lastedMs'>): Figures {
  const sorted = took.toSorted((a, b) => a - b);
  return {
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    max: percentile(sorted, 1),
    throughput: lastedMs > 0 ? (took.length * 60_000) / lastedMs : 0,
  };
}

/** As the table has it: `800ms`, `2.3s`. */
export function timeText(ms: number): string {
  if (Number.isNaN(ms)) return '-';
  return ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

/** A sentence for each threshold that is exceeded. A figure that could not be measured exceeds its threshold. */
export function excessOf(measured: Measured): readonly string[] {
  const { scenario, failures } = measured;
  const { thresholds, name, operations } = scenario;
  const { p50, p95, throughput } = figuresOf(measured);
  const slower = (what: string, is: number, limit: number | undefined): string[] =>
    limit === undefined || is <= limit
      ? []
      : [`${name}: ${what} is ${timeText(is)}, and the threshold ${timeText(limit)}.`];
  return [
    ...slower('p50', p50, thresholds.p50),
    ...slower('p95', p95, thresholds.p95),
    ...(thresholds.throughput === undefined || throughput >= thresholds.throughput
      ? []
      : [
          `${name}: ${throughput.toFixed(1)} operations a minute, and the threshold is ${thresholds.throughput}.`,
        ]),
    ...(failures.length <= thresholds.failures
      ? []
      : [`${name}: ${failures.length} of ${operations} operations failed. The first: ${failures[0] ?? ''}`]),
  ];
}
