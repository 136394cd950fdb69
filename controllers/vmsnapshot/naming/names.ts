/**
 * Names of snapshots in Proxmox VE. It accepts a letter, then letters, digits, `_` and `-`, 2 to 40 characters, and two
 * names are reserved. Names of objects may be longer, have dots and begin with a digit. Pure.
 */
import { sha256Hex } from '../../../src/lib/hash.ts';
import { SNAPSHOT_NAME } from '../../../src/pve/index.ts';

const MAX_LENGTH = 40;
const HASH_LENGTH = 8;
const RESERVED = new Set(['current', 'pending']);

const isAccepted = (name: string): boolean => SNAPSHOT_NAME.test(name) && !RESERVED.has(name.toLowerCase());

interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The name of the object where Proxmox VE accepts it; then one with a suffix that no other object has. */
export function namesFor({ namespace, name, uid }: Named): readonly string[] {
  const suffixed = withSuffix(name, sha256Hex(`${namespace}/${name}/${uid}`).slice(0, HASH_LENGTH));
  return isAccepted(name) ? [name, suffixed] : [suffixed];
}

function withSuffix(name: string, suffix: string): string {
  const readable = name.replaceAll(/[^A-Za-z0-9_-]+/g, '-');
  const begun = /^[A-Za-z]/.test(readable) ? readable : `s-${readable}`;
  const base = begun.slice(0, MAX_LENGTH - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${base}-${suffix}`;
}
