/** Runs the stages of `make test`, prints their durations and counts the results. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { passedBefore } from './passed-before.ts';
import type { FileTime } from './slowest.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** A check counts as one; a jest run counts its tests. */
export interface Stage {
  readonly name: string;
  readonly kind: 'check' | 'jest';
  /** Its outcome depends on the files of the checkout alone, so it is not run again where it passed with the same. */
  readonly ofFilesAlone?: boolean;
  readonly command: readonly [program: string, ...args: string[]];
}

const ROOT = resolve(import.meta.dirname, '..');
/** Where the fakes of the integration tests log the requests they get. */
export const REQUESTS_DIR = join(ROOT, 'dist/pve-requests');

/** Jest runs ES modules only with this flag of Node, which warns about itself. */
const JEST_ENV = { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' };

/** How long the test files of the jest stages took, in the order in which they ended. */
export const fileTimes: FileTime[] = [];

/** Far above what a stage takes on a slow machine: something hangs. */
const LIMIT_MINUTES = 20;

export const sum = (counts: readonly Counts[]): Counts => ({
  passed: counts.reduce((total, { passed }) => total + passed, 0),
  failed: counts.reduce((total, { failed }) => total + failed, 0),
});

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The closing line, which scripts read. */
export const summaryLine = ({ passed, failed }: Counts): string => `${passed} passed, ${failed} failed`;

/** Runs a stage whose output is shown as it is printed. */
export async function runStage(stage: Stage): Promise<Counts> {
  say(`\n=== ${stage.name}`);
  const started = performance.now();
  const counts =
    stage.kind === 'jest' ? await runJest(stage) : countOf(await exitOf(start(stage.command, 'inherit')));
  report(stage, counts, started);
  return counts;
}

/** Runs two checks at a time and prints the output of those that fail. */
export async function runChecks(stages: readonly Stage[]): Promise<Counts> {
  const waiting = [...stages];
  const counts: Counts[] = [];
  const worker = async () => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift())
      counts.push(await runCheck(stage));
  };
  await Promise.all([worker(), worker()]);
  return sum(counts);
}

async function runCheck(stage: Stage): Promise<Counts> {
  const before = stage.ofFilesAlone === true ? await passedBefore(stage.name, stage.command) : undefined;
  if (before?.passed === true) {
    say(`passed ${stage.name} before, with the same files (${summaryLine(countOf(0))})`);
    return countOf(0);
  }
  const started = performance.now();
  const child = start(stage.command, 'pipe');
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const counts = countOf(await exitOf(child));
  if (counts.failed > 0) say(`\n${Buffer.concat(output).toString().trimEnd()}`);
  else await before?.record();
  report(stage, counts, started);
  return counts;
}

function report({ name }: Stage, counts: Counts, started: number): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${counts.failed > 0 ? 'FAILED' : 'passed'} ${name} in ${seconds} s (${summaryLine(counts)})`);
}

const countOf = (code: number): Counts => (code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });

function start([program, ...args]: Stage['command'], output: 'inherit' | 'pipe', env = {}): ChildProcess {
  return spawn(program, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } });
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      say(`Killed after ${LIMIT_MINUTES} minutes.`);
      child.kill();
    }, LIMIT_MINUTES * 60_000);
    const finish = (code: number) => {
      clearTimeout(limit);
      resolve(code);
    };
    child.on('error', (error) => {
      say(error.message);
      finish(-1);
    });
    child.on('close', (code) => finish(code ?? -1));
  });
}

const JestResult = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  /** Files that ended before their tests: an import that fails, a syntax error. */
  numRuntimeErrorTestSuites: z.number(),
  /** Epoch milliseconds; both are 0 for a file that did not get so far. */
  testResults: z.array(z.object({ name: z.string(), startTime: z.number(), endTime: z.number() })),
});

async function runJest({ command }: Stage): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), 'jest-result-'));
  try {
    const outputFile = join(dir, 'result.json');
    const code = await exitOf(
      start([...command, '--json', `--outputFile=${outputFile}`], 'inherit', JEST_ENV),
    );
    return jestCounts(code, () => readFileSync(outputFile, 'utf8'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What jest wrote, compared with how it ended: a run that fails has at least one failure. */
function jestCounts(code: number, read: () => string): Counts {
  let counts: Counts = { passed: 0, failed: 0 };
  try {
    const result = JestResult.parse(JSON.parse(read()));
    for (const { name, startTime, endTime } of result.testResults)
      fileTimes.push({ file: relative(ROOT, name), ms: endTime - startTime });
    counts = {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    };
  } catch {
    // No result: jest ended before it ran a test, with a non-zero exit code.
  }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
