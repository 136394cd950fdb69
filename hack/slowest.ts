/** Which test files a run spends its time on. Pure. */

export interface FileTime {
  /** Relative to the checkout. */
  readonly file: string;
  readonly ms: number;
}

/** One line for each of the slowest files, the slowest first. */
export function slowest(times: readonly FileTime[], count = 10): readonly string[] {
  const first = times.toSorted((a, b) => b.ms - a.ms).slice(0, count);
  return first.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`);
}
