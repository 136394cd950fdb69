/** Changes of a configuration in Proxmox VE's own terms, for people. Pure. */
import type { Keys } from '../../shared/guests/keys.ts';
import { readable } from '../../../src/lib/readable.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { textWithoutMark } from '../../shared/guests/owner-mark.ts';

/** Keys whose values must not appear in messages. */
const SECRET_KEYS = new Set(['cipassword', 'sshkeys']);
const MAX_VALUE_LENGTH = 120;

/**
 * Prints one change per key: `vcpus 2 → 4`.
 * @param direction - `forth`: from the current to the written value; `back`: from the written to the current value
 */
export function keyChanges(
  { set, delete: removed }: Keys,
  config: GuestConfig,
  direction: 'forth' | 'back',
): string[] {
  const changeOf = (key: string, written: string | undefined): string => {
    const [from, to] = direction === 'forth' ? [config[key], written] : [written, config[key]];
    return `${key} ${shown(key, from)} → ${shown(key, to)}`;
  };
  return [
    ...Object.entries(set).map(([key, value]) => changeOf(key, String(value))),
    ...removed.map((key) => changeOf(key, undefined)),
  ];
}

function shown(key: string, value: string | undefined): string {
  if (value === undefined) return '(not set)';
  if (SECRET_KEYS.has(key)) return '(hidden)';
  const text =
    key === 'description' ? JSON.stringify(textWithoutMark(value).trim()) : readable(value, MAX_VALUE_LENGTH);
  const characters = Array.from(text);
  return characters.length <= MAX_VALUE_LENGTH
    ? text
    : `${characters.slice(0, MAX_VALUE_LENGTH - 1).join('')}…`;
}
