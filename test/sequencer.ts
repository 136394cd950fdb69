/**
 * Runs the test files that take longest first, so that no worker is left alone with one at the end. Jest does so too,
 * but it looks for the durations by absolute path: in a fresh clone it knows none.
 */
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type * as jest from '@jest/test-sequencer';
import { longestFirst, readDurations, rememberDurations } from './durations.ts';

// Its types describe what `require` gives, and not what `import` does.
const { default: Sequencer } = createRequire(import.meta.url)('@jest/test-sequencer') as typeof jest.default;

type Tests = Parameters<InstanceType<typeof Sequencer>['sort']>[0];
type Results = Parameters<InstanceType<typeof Sequencer>['cacheResults']>[1];

const keyOf = ({ path, context }: Tests[number]): string => relative(context.config.rootDir, path);
const fileFor = ([first]: Tests): string | undefined =>
  first && join(first.context.config.cacheDirectory, 'durations.json');

export default class extends Sequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const file = fileFor(tests);
    const durations = file === undefined ? {} : readDurations(file);
    return longestFirst(await super.sort(tests), (test) => durations[keyOf(test)]);
  }

  override cacheResults(tests: Tests, results: Results): void {
    super.cacheResults(tests, results);
    const file = fileFor(tests);
    if (file === undefined) return;
    const keys = new Map(tests.map((test) => [test.path, keyOf(test)]));
    const ran = results.testResults.filter(({ skipped }) => !skipped);
    const durations = ran.flatMap(({ testFilePath, perfStats }) => {
      const key = keys.get(testFilePath);
      return key === undefined ? [] : [[key, perfStats.runtime] as const];
    });
    rememberDurations(file, Object.fromEntries(durations));
  }
}
