/** Checks the requests that the tests sent to the fake against the schema of the real API. */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../control-plane/run.ts';
import { type Counts, REQUESTS_DIR, say } from '../stages.ts';

/** `checker` is a program that reads one request a line and ends with 1 if PVE would refuse one. */
export async function checkRequests(checker: string): Promise<Counts> {
  say('\n=== requests to Proxmox VE');
  const log = loggedRequests();
  if (log.trim() === '') {
    say(`FAILED: the integration tests logged no request in ${REQUESTS_DIR}`);
    return { passed: 0, failed: 1 };
  }
  // A program that finds out by its path whether it was started does nothing behind a symbolic link.
  const { code, stdout, stderr } = await run(process.execPath, [realpathSync(checker), '-'], { input: log });
  say(`${stdout}${stderr}`.trimEnd());
  const checked = code === 0 && /^[1-9]\d* requests, 0 /m.test(stdout);
  return checked ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

function loggedRequests(): string {
  if (!existsSync(REQUESTS_DIR)) return '';
  const logs = readdirSync(REQUESTS_DIR).filter((name) => name.endsWith('.ndjson'));
  return logs.map((name) => readFileSync(join(REQUESTS_DIR, name), 'utf8')).join('\n');
}
