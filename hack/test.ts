/** Behind `make test` and, with the argument `verify`, behind `make verify`. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Counts,
  REQUESTS_DIR,
  type Stage,
  runChecks,
  runStage,
  say,
  sum,
  summaryLine,
} from './stages.ts';

const check = (name: string, ...command: Stage['command']): Stage => ({ name, kind: 'check', command });
const jest = (name: string): Stage => ({
  name: `${name} tests`,
  kind: 'jest',
  command: ['jest', '--selectProjects', name, '--ci', '--maxWorkers', '2'],
});

const VERIFY: readonly Stage[] = [
  check('lint', 'npm', 'run', '-s', 'lint'),
  check('types', 'npm', 'run', '-s', 'typecheck'),
  check('format', 'npm', 'run', '-s', 'format:check'),
  check('generated files', 'npm', 'run', '-s', 'generate', '--', '--check'),
];
const TESTS: readonly Stage[] = [
  check('bundle', 'node', 'hack/bundle.ts', 'operator', 'fakepve'),
  check('control plane binaries', 'node', 'hack/control-plane/cli.ts', '--install-only'),
  jest('unit'),
  jest('integration'),
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
say(`\n${((performance.now() - started) / 1000).toFixed(0)} s in all`);
say(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
