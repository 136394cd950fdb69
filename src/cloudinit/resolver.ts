/** Reads name servers and search domains from a network configuration that PVE generated (`cloudinit/dump`). */
import { isMap, isScalar, isSeq } from 'yaml';
import { ipFamily } from '../lib/ip.ts';
import type { Resolver } from './input.ts';
import { parseYaml } from './yaml.ts';

/** PVE writes some 200 characters for each of at most 32 NICs. */
const MAX_CHARACTERS = 16_384;

/** PVE writes a network-config of version 1, or for a config drive the format of /etc/network/interfaces. */
export function resolverIn(text: string): Resolver {
  if (text.length > MAX_CHARACTERS) return { dns: [], search: [] };
  const { dns, search } = /^\s*version:/.test(text) ? inNetworkConfig(text) : inInterfaces(text);
  return { dns: dns.filter((server) => ipFamily(server) !== undefined), search };
}

function inNetworkConfig(text: string): Resolver {
  const document = parseYaml(text);
  const config: unknown = 'value' in document ? document.value.get('config') : undefined;
  const entries = (isSeq(config) ? config.items : []).filter((item) => isMap(item));
  const entry = entries.find((item) => item.get('type') === 'nameserver');
  const textsIn = (key: string): readonly string[] => {
    const list: unknown = entry?.get(key);
    return (isSeq(list) ? list.items : []).flatMap((item) => (isScalar(item) ? [String(item.value)] : []));
  };
  return { dns: textsIn('address'), search: textsIn('search') };
}

function inInterfaces(text: string): Resolver {
  const wordsAfter = (name: string): readonly string[] => {
    const [, words = ''] = new RegExp(`^[ \\t]*dns[_-]${name} (.*)$`, 'm').exec(text) ?? [];
    return words.split(/\s+/).filter((word) => word !== '');
  };
  return { dns: wordsAfter('nameservers'), search: wordsAfter('search') };
}
