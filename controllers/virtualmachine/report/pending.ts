/** Changes that wait for a stop and start, in the words of the spec. Pure. */
import { RESTARTED_AT } from '../../../src/api/index.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';

const WORDS: Readonly<Record<string, string>> = {
  cores: 'CPUs',
  sockets: 'CPUs',
  vcpus: 'CPUs',
  cpu: 'CPU type',
  memory: 'memory',
  balloon: 'memory',
  shares: 'memory',
  agent: 'guest agent',
};

function wordFor(key: string, { disks }: Pick<Observed, 'disks'>): string {
  const disk = disks?.entries.find(({ device }) => device === key);
  if (disk) return `disk ${disk.name}`;
  return WORDS[key] ?? (/^net\d+$/.test(key) ? `network interface ${key}` : key);
}

const REMEDY = `Set the annotation ${RESTARTED_AT} to the current time to have the VM restarted, or set spec.rebootPolicy.`;

/** What waits, and what makes it take effect; `undefined`: nothing waits. */
export function pendingSentence({ pending }: Pick<Guest, 'pending'>, have: Observed): string | undefined {
  if (pending.length === 0) return undefined;
  const words = [...new Set(pending.map(({ key }) => wordFor(key, have)))];
  return `These changes take effect when the VM is stopped and started: ${words.join(', ')}. ${have.restart?.held?.message ?? REMEDY}`;
}
