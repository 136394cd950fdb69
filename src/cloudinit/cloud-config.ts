/** What decisions need to know of a cloud-config: plain data. Pure. */
import { isMap, isScalar, isSeq, type Document, type YAMLMap } from 'yaml';
import type { Result } from '../lib/result.ts';
import { addKeys } from './ssh-keys.ts';
import { isEmpty, isPlainYaml, parseYaml } from './yaml.ts';

export interface CloudConfig {
  /** Those keys at the top that define a login. */
  readonly loginKeys: readonly string[];
  readonly hostname?: string;
  /** All that it says. Absent: PVE's drive cannot express it. */
  readonly native?: NativeSettings;
  /** The text with SSH keys added to it. Absent: it needs none. */
  readonly withKeys?: Result<string>;
}

export interface NativeSettings {
  hostname?: string;
  user?: string;
  upgrade?: boolean;
  sshKeys: string[];
}

export const CLOUD_CONFIG = '#cloud-config';
const LOGIN_KEYS = ['user', 'users', 'password', 'chpasswd', 'ssh_authorized_keys'];

/** Reads a text that begins with `#cloud-config`, and adds SSH keys to it. */
export function readCloudConfig(text: string, keys: readonly string[]): Result<CloudConfig> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The user-data begins with ${CLOUD_CONFIG}, but ${document.problem}. Correct it.` };
  const { contents } = document.value;
  // A tag or an anchor of the document would be printed before the header.
  if (!isMap(contents) ? !isEmpty(contents) : contents.tag !== undefined || contents.anchor !== undefined)
    return {
      problem: `The user-data begins with ${CLOUD_CONFIG}, but the rest is not a YAML mapping. Write it as "key: value" entries.`,
    };
  const config = isMap(contents) ? describe(contents) : { loginKeys: [], native: { sshKeys: [] } };
  const withKeys = keys.length === 0 ? undefined : textWithKeys(document.value, keys);
  return { value: { ...config, ...(withKeys && { withKeys }) } };
}

/** `undefined`: it has all of them. */
function textWithKeys(document: Document, keys: readonly string[]): Result<string> | undefined {
  const added = addKeys(document, keys);
  if ('problem' in added) return added;
  return added.value ? { value: document.toString({ lineWidth: 0 }) } : undefined;
}

function describe(map: YAMLMap): CloudConfig {
  const hostname = plainText(map.get('hostname', true));
  const native = nativeSettings(map);
  return {
    loginKeys: LOGIN_KEYS.filter((key) => map.has(key)),
    ...(hostname !== undefined && { hostname }),
    ...(native && { native }),
  };
}

const TRUE = new Set(['true', 'yes', 'on']);
const FALSE = new Set(['false', 'no', 'off']);

/** Readers for the keys that PVE can express. A reader returns whether PVE can express the value. */
const READERS: Readonly<Record<string, (node: unknown, settings: NativeSettings) => boolean>> = {
  hostname: (node, settings) => {
    const name = plainText(node);
    if (name === undefined) return false;
    settings.hostname = name;
    return true;
  },
  user: (node, settings) => {
    const name = plainText(node);
    if (name === undefined || !/^[a-z_][a-z0-9_-]{0,31}$/.test(name) || !isPlainYaml(name)) return false;
    settings.user = name;
    return true;
  },
  package_upgrade: (node, settings) => {
    const word = plainText(node)?.toLowerCase() ?? '';
    settings.upgrade = TRUE.has(word);
    return settings.upgrade || FALSE.has(word);
  },
  ssh_authorized_keys: (node, settings) => {
    const keys = isSeq(node) ? node.items.map(plainText) : [undefined];
    settings.sshKeys = keys.filter((key) => key !== undefined);
    return settings.sshKeys.length === keys.length;
  },
};

function plainText(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === 'string' && node.tag === undefined ? node.value : undefined;
}

function nativeSettings({ items }: YAMLMap): NativeSettings | undefined {
  const settings: NativeSettings = { sshKeys: [] };
  const seen = new Set<string>();
  for (const { key, value } of items) {
    const name = plainText(key) ?? '';
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read?.(value, settings) || seen.has(name)) return undefined;
    seen.add(name);
  }
  return settings;
}
