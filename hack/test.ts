/** Behind `make test` and, with the argument `verify`, behind `make verify`. */
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type Counts,
  fileTimes,
  REQUESTS_DIR,
  type Stage,
  runChecks,
  runStage,
  say,
  sum,
  summaryLine,
} from './stages.ts';
import { CACHE } from './passed-before.ts';
import { slowest } from './slowest.ts';

const check = (name: string, ...command: Stage['command']): Stage => ({ name, kind: 'check', command });
const ofFiles = (stage: Stage): Stage => ({ ...stage, ofFilesAlone: true });
const jest = (name: string, workers: number): Stage => ({
  name: `${name} tests`,
  kind: 'jest',
  command: ['jest', '--selectProjects', name, '--ci', '--maxWorkers', String(workers)],
});

/** Unit tests compute. */
const UNIT_WORKERS = Math.max(2, availableParallelism());
/** Integration tests wait most of the time; each worker takes a few hundred megabytes. */
const INTEGRATION_WORKERS = Math.min(8, 2 * availableParallelism() + 1);

const VERIFY: readonly Stage[] = [
  check('lint', 'npm', 'run', '-s', 'lint'),
  check('types', 'tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', join(CACHE, 'tsc.tsbuildinfo')),
  check('format', 'prettier', '--check', '.', '--cache', '--cache-location', join(CACHE, 'prettier')),
  check('generated files', 'npm', 'run', '-s', 'generate', '--', '--check'),
].map(ofFiles);
const TESTS: readonly Stage[] = [
  check('bundle', 'node', 'hack/bundle.ts', 'operator', 'fakepve'),
  check('control plane binaries', 'node', 'hack/control-plane/cli.ts', '--install-only'),
  jest('unit', UNIT_WORKERS),
  jest('integration', INTEGRATION_WORKERS),
  check('demo', 'node', 'hack/demo.ts', '--once', '--requests', join(REQUESTS_DIR, 'demo.ndjson')),
];

async function runTests(): Promise<Counts> {
  rmSync(REQUESTS_DIR, { recursive: true, force: true });
  mkdirSync(REQUESTS_DIR, { recursive: true });
  process.env['VIRTRIGAUD_REQUESTS_DIR'] = REQUESTS_DIR;
  const counts: Counts[] = [];
  for (const stage of TESTS) counts.push(await runStage(stage));
  return sum(counts);
}

const started = performance.now();
const verified = await runChecks(VERIFY);
const total = process.argv[2] === 'verify' ? verified : sum([verified, await runTests()]);
if (fileTimes.length > 0) say(`\nslowest test files:\n${slowest(fileTimes).join('\n')}`);
say(`\n${((performance.now() - started) / 1000).toFixed(0)} s in all`);
say(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
