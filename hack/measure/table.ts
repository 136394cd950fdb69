/** The table that `make measure` prints, in Markdown. */

export interface Row {
  readonly what: string;
  readonly figure: string;
  /** Load average of the machine when it was taken. */
  readonly load: string;
  readonly note?: string;
}

export interface Figures {
  readonly text: string;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;

/** @param all in ms, one for each VM */
export function figuresOf(all: readonly number[]): Figures {
  const sorted = all.toSorted((a, b) => a - b);
  const [p50, p95, max] = [0.5, 0.95, 1].map((share) => seconds(percentile(sorted, share)));
  return { text: `p50 ${p50 ?? ''}, p95 ${p95 ?? ''}, max ${max ?? ''}` };
}

export function printTable(rows: readonly Row[]): void {
  const lines = [
    '| what | figure | load | note |',
    '|---|---|---|---|',
    ...rows.map(({ what, figure, load, note = '' }) => `| ${what} | ${figure} | ${load} | ${note} |`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
