/** How long test files took when they last ran, for the order in which they run next. Outside the checkout. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** Milliseconds, by the path of a test file in its checkout. */
const Durations = z.record(z.string(), z.number());
export type Durations = Readonly<z.infer<typeof Durations>>;

export function readDurations(file: string): Durations {
  try {
    return Durations.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {}; // there are none, or none that can be read: the order is another
  }
}

/** Of two runs that end at once one is forgotten. */
export function rememberDurations(file: string, durations: Durations): void {
  const unfinished = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(unfinished, JSON.stringify({ ...readDurations(file), ...durations }));
  renameSync(unfinished, file);
}

/** Files that nobody has seen run are as long as any; among themselves they stay as they are. */
export function longestFirst<T>(tests: readonly T[], msOf: (test: T) => number | undefined): T[] {
  const ms = (test: T): number => msOf(test) ?? Number.MAX_VALUE;
  return tests.toSorted((a, b) => ms(b) - ms(a));
}
