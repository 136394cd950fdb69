/**
 * A process that outlives its parent by a moment: when the pipe on its standard input closes, however the parent ended
 * (SIGKILL too), it kills the registered processes and removes their folder.
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const pids = new Set<number>();
let folder: string | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, value = ''] = line.split(/ (.*)/s);
  if (verb === 'watch') pids.add(Number(value));
  else if (verb === 'forget') pids.delete(Number(value));
  else if (verb === 'folder') folder = value;
}

for (const pid of pids) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended already.
  }
}
if (folder !== undefined) {
  // A process that was just killed may still be writing.
  await sleep(200);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
