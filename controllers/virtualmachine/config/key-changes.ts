/** Changes of a configuration in Proxmox VE's own terms, for people. Pure. */
import type { Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';

/** What nobody but the guest shall read. */
const SECRET = new Set(['cipassword', 'sshkeys']);
const LONGEST = 120;

/**
 * `vcpus 2 → 4`, one a key.
 * @param direction `forth`: from what is to what is written; `back`: from what would be written to what is
 */
export function keyChanges(
  { set, delete: gone }: Keys,
  config: GuestConfig,
  direction: 'forth' | 'back',
): string[] {
  const told = (key: string, written: string | undefined): string => {
    const [from, to] = direction === 'forth' ? [config[key], written] : [written, config[key]];
    return `${key} ${shown(key, from)} → ${shown(key, to)}`;
  };
  return [
    ...Object.entries(set).map(([key, value]) => told(key, String(value))),
    ...gone.map((key) => told(key, undefined)),
  ];
}

function shown(key: string, value: string | undefined): string {
  if (value === undefined) return '(not set)';
  if (SECRET.has(key)) return '(hidden)';
  const characters = Array.from(value);
  return characters.length <= LONGEST ? value : `${characters.slice(0, LONGEST - 1).join('')}…`;
}
