/**
 * Checks the requests that the tests sent to the fake against the schemas of the real APIs: each against that of the
 * version it was sent to, and all of them, as the operator would send them, against those of every version.
 */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { versions } from '../../test/fakepve/schema/versions.ts';
import { run } from '../control-plane/run.ts';
import { type Counts, REQUESTS_DIR, say, sum } from '../stages.ts';
import { byVersion, parseLog, printCounts, printLog, translate, type LoggedRequest } from './request-log.ts';

/** `checker` is a program that reads one request a line and ends with 1 if PVE would refuse one. */
export async function checkRequests(checker: string, dir = REQUESTS_DIR): Promise<Counts> {
  say('\n=== requests to Proxmox VE');
  const log = parseLog(loggedRequests(dir));
  if (log.length === 0) {
    say(`FAILED: the integration tests logged no request in ${dir}`);
    return { passed: 0, failed: 1 };
  }
  // A program that finds out by its path whether it was started does nothing behind a symbolic link.
  const program = realpathSync(checker);
  const counts: Counts[] = [];
  for (const [version, requests] of byVersion(log)) counts.push(await hold(program, requests, version));
  say(`\n${log.length} distinct requests as the operator would send them to other versions`);
  for (const version of versions) counts.push(await holdTranslated(program, log, version));
  return sum(counts);
}

/** As they were sent. */
async function hold(program: string, requests: readonly LoggedRequest[], version: string): Promise<Counts> {
  const { isGood, output } = await judge(program, requests, version);
  say(`${isGood ? 'passed' : 'FAILED'} sent to ${version}: ${output}`);
  return isGood ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function holdTranslated(
  program: string,
  log: readonly LoggedRequest[],
  version: string,
): Promise<Counts> {
  const { requests, leftOut, notSent } = translate(log, version);
  const { isGood, output } = await judge(program, requests, version);
  const sent = `${output}; left out: ${printCounts(leftOut)}; not sent: ${printCounts(notSent)}`;
  say(`${isGood ? 'passed' : 'FAILED'} ${version}: ${sent}`);
  return isGood ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function judge(
  program: string,
  requests: readonly LoggedRequest[],
  version: string,
): Promise<{ readonly isGood: boolean; readonly output: string }> {
  const args = [program, '--pve', version, '-'];
  const { code, stdout, stderr } = await run(process.execPath, args, { input: printLog(requests) });
  return {
    isGood: code === 0 && /^[1-9]\d* requests, 0 /m.test(stdout),
    output: `${stdout}${stderr}`.trim(),
  };
}

function loggedRequests(dir: string): string {
  if (!existsSync(dir)) return '';
  const logs = readdirSync(dir).filter((name) => name.endsWith('.ndjson'));
  return logs.map((name) => readFileSync(join(dir, name), 'utf8')).join('\n');
}
