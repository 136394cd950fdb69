/** Changes that wait for a stop and start, in the words of the spec. Pure. */
import { RESTARTED_AT } from '../../../src/api/index.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { NEW_DATA } from '../cloud-init/seed-drive.ts';
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

type Pending = Pick<Guest, 'pending'>;

/** What waits of the spec, and what makes it take effect; `undefined`: nothing waits. */
export function pendingSentence({ pending }: Pending, have: Observed): string | undefined {
  const ours = pending.filter(({ key }) => isOurs(key, have));
  return ours.length === 0
    ? undefined
    : `These changes take effect when the VM is stopped and started: ${wordsFor(ours, have)}. ${have.restart?.held?.message ?? REMEDY}`;
}

/** What waits and was changed by somebody else. Drift has a sentence of its own. */
function foreignPendingSentence({ pending }: Pending, have: Observed): string | undefined {
  const theirs = pending.filter(({ key }) => !isOurs(key, have) && have.drift?.keys.includes(key) !== true);
  return theirs.length === 0
    ? undefined
    : `Changed in Proxmox VE, not by the operator, and in effect once the VM is stopped and started: ${wordsFor(theirs, have)}. Revert it there if it is not intended.`;
}

/** Both kinds, a sentence each. */
export const pendingSentences = (guest: Pending, have: Observed): string[] =>
  [pendingSentence(guest, have), foreignPendingSentence(guest, have)].filter((text) => text !== undefined);

/** Where it is not known what the spec waits for, everything counts. */
const isOurs = (key: string, { awaited, requestedChanges, drift }: Observed): boolean =>
  awaited === undefined ||
  key === NEW_DATA ||
  ((awaited.includes(key) || requestedChanges.some((row) => row.key === key)) &&
    drift?.keys.includes(key) !== true);

const wordsFor = (rows: Guest['pending'], have: Observed): string =>
  [...new Set(rows.map(({ key }) => wordFor(key, have)))].join(', ');
