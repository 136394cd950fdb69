import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A new file for the log of the requests that a fake Proxmox VE gets, in the folder that VIRTRIGAUD_REQUESTS_DIR names;
 * undefined if it is not set.
 */
export function requestsFile(): string | undefined {
  const dir = process.env['VIRTRIGAUD_REQUESTS_DIR'];
  if (!dir) return undefined;
  mkdirSync(dir, { recursive: true });
  return join(dir, `${randomBytes(8).toString('hex')}.ndjson`);
}
