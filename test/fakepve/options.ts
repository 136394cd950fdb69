import { createHash } from 'node:crypto';
import { failure } from './errors.ts';
import { guestOptions } from './schema/schema.ts';
import { normalBoolean } from './schema/property-string.ts';
import { splitList } from './schema/formats.ts';
import { optionProperties } from './guest.ts';
import type { World } from './world.ts';
import type { Values } from './schema/verify.ts';

/** Tags are lower case, unique and sorted. */
export const normalTags = (value: string): string =>
  [...new Set(splitList(value).map((tag) => tag.toLowerCase()))].sort().join(';');

const keyTypes =
  /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;

/** A public key has its type both in clear text and encoded; anything else is refused. */
function isSshKey(line: string): boolean {
  const parts = line.trim().split(/\s+/);
  const at = parts.findIndex((part) => keyTypes.test(part));
  const body = Buffer.from(parts[at + 1] ?? '', 'base64');
  if (at < 0 || body.length < 20) return false;
  const length = body.readUInt32BE(0);
  return body.subarray(4, 4 + length).toString('latin1') === parts[at];
}

export function checkSshKeys(encoded: string): void {
  const lines = decodeURIComponent(encoded)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0 || !lines.every(isSshKey)) throw failure('SSH public key validation error');
}

/** Passwords are stored hashed, unless they already are. */
export const hashedPassword = (password: string): string =>
  /^\$(?:[156]|2[ay])(?:\$.+){2}/.test(password)
    ? password
    : `$5$fakepve$${createHash('sha256').update(password).digest('base64').replaceAll('=', '')}`;

/** A net device with its MAC, which is generated if none was given. */
export function normalNet(world: World, key: string, value: string): string {
  const { model = '', macaddr, ...rest } = optionProperties(key, value);
  const options = Object.entries(rest)
    .map(([name, text]) => `${name}=${text}`)
    .sort();
  return [`${model}=${macaddr ?? world.random.mac(world.macPrefix())}`, ...options].join(',');
}

/** A value as the configuration stores it. */
export function normalOption(world: World, key: string, value: string): string {
  if (key === 'tags') return normalTags(value);
  if (key === 'cipassword') return hashedPassword(value);
  if (/^net\d+$/.test(key)) return normalNet(world, key, value);
  if (key === 'vmgenid' && value === '1') return world.random.uuid();
  return guestOptions[key]?.type === 'boolean' ? normalBoolean(value) : value;
}

/** The parameters that are options of the guest, as text. */
export function guestSettings(params: Values): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [key, value] of Object.entries(params)) {
    if (key in guestOptions && typeof value === 'string') settings[key === 'cdrom' ? 'ide2' : key] = value;
  }
  return settings;
}
