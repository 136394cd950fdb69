/**
 * Implements `.ci/run`: `make test`, then the checks that require the tools and recordings next to the checkout, if they
 * exist. `--raise-baseline` replays the recordings and records the share on which the fake agrees.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { judgeReplays, raiseBaseline, replayAll } from './ci/replay.ts';
import { checkRequests } from './ci/requests.ts';
import { type Counts, say, sum, summaryLine } from './stages.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SHARED = resolve(ROOT, '../shared');
const REQUEST_CHECKER = join(SHARED, 'tools/check-pve-requests.mjs');
const REPLAY_TOOL = join(SHARED, 'tools/replay-recordings.mjs');
const RECORDINGS = join(SHARED, 'pve/recordings');

/** Prints the output of `make test` without its closing line, because this program prints the only one. */
async function makeTest(): Promise<Counts> {
  const child = spawn('make', ['--no-print-directory', 'test'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let counts: Counts | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? [];
    if (passed === undefined) say(line);
    else counts = { passed: Number(passed), failed: Number(failed) };
  }
  await ended;
  const { exitCode } = child;
  if (counts === undefined) return { passed: 0, failed: 1 };
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** A check that throws counts as failed. */
async function attempt(check: () => Promise<Counts>): Promise<Counts> {
  try {
    return await check();
  } catch (error) {
    say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return { passed: 0, failed: 1 };
  }
}

async function main(): Promise<void> {
  // A replay waits for guests to boot most of the time.
  const replays = existsSync(REPLAY_TOOL) ? replayAll(REPLAY_TOOL, RECORDINGS) : undefined;
  // Awaited, and judged, after the tests; a failure before that is not an unhandled one.
  replays?.catch(() => undefined);
  const counts = [await attempt(makeTest)];
  if (existsSync(REQUEST_CHECKER)) counts.push(await attempt(() => checkRequests(REQUEST_CHECKER)));
  else say('\nno request checker found next to the checkout: requests are not checked');
  if (replays === undefined) say('\nno recordings found next to the checkout: nothing is replayed');
  else counts.push(await attempt(async () => judgeReplays(await replays)));
  const total = sum(counts);
  say(`\n${summaryLine(total)}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

process.chdir(ROOT);
if (process.argv[2] === '--raise-baseline') {
  const { failed } = await attempt(() => raiseBaseline(REPLAY_TOOL, RECORDINGS));
  process.exitCode = failed;
} else {
  await main();
}
