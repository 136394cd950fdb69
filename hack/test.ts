/** Behind `make test` and, with the argument `verify`, behind `make verify`. */
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
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
/** Integration tests wait half of the time. A worker takes up to a gigabyte with the API server that some start. */
const INTEGRATION_WORKERS = Math.max(
  2,
  Math.min(8, 3 * availableParallelism(), Math.floor(totalmem() / 2 ** 30)),
);

/** By content: the files of a fresh clone are new, and the same. */
const PRETTIER_CACHE = [
  ...['--cache', '--cache-strategy', 'content'],
  ...['--cache-location', join(CACHE, 'prettier')],
];

const VERIFY: readonly Stage[] = [
  check('lint', 'node', 'hack/lint.ts'),
  check('import rules', 'npm', 'run', '-s', 'lint:imports'),
  check('types', 'tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', join(CACHE, 'tsc.tsbuildinfo')),
  check('format', 'prettier', '--check', '.', ...PRETTIER_CACHE),
  check('generated files', 'npm', 'run', '-s', 'generate', '--', '--check'),
].map(ofFiles);
const PREPARE: readonly Stage[] = [
  check('bundle', 'node', 'hack/bundle.ts', 'operator', 'fakepve'),
  check('control plane binaries', 'node', 'hack/control-plane/cli.ts', '--install-only'),
];
const UNIT = jest('unit', UNIT_WORKERS);
const INTEGRATION = jest('integration', INTEGRATION_WORKERS);
const DEMO = check('demo', 'node', 'hack/demo.ts', '--once', '--requests', join(REQUESTS_DIR, 'demo.ndjson'));

/** What depends on timing runs alone: the integration tests. */
async function runTests(): Promise<Counts> {
  rmSync(REQUESTS_DIR, { recursive: true, force: true });
  mkdirSync(REQUESTS_DIR, { recursive: true });
  process.env['VIRTRIGAUD_REQUESTS_DIR'] = REQUESTS_DIR;
  const counts: Counts[] = [];
  for (const stage of PREPARE) counts.push(await runStage(stage));
  // ESLint keeps one CPU busy for a minute, and the demo mostly waits.
  const [unit, checks] = await Promise.all([runStage(UNIT), runChecks([...VERIFY, DEMO])]);
  return sum([...counts, unit, checks, await runStage(INTEGRATION)]);
}

const started = performance.now();
const total = process.argv[2] === 'verify' ? await runChecks(VERIFY) : await runTests();
if (fileTimes.length > 0) say(`\nslowest test files:\n${slowest(fileTimes).join('\n')}`);
say(`\n${((performance.now() - started) / 1000).toFixed(0)} s in all`);
say(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
