/** User-data and SSH keys, from the spec or from Secrets. */
import { DEFAULTS, type VirtualMachine } from '../../src/api/index.ts';
import { present } from '../../src/lib/present.ts';
import { Reasons } from '../shared/reasons.ts';
import type { CloudInitWish, Unresolved } from './model.ts';

/** A Secret's values as text; `undefined`: there is no such Secret. */
export type ReadSecret = (
  namespace: string,
  name: string,
) => Promise<{ readonly values: Readonly<Record<string, string>> } | undefined>;

export type ResolvedCloudInit = { readonly ok: true; readonly wish: CloudInitWish } | Unresolved;

interface SecretEntry {
  readonly name: string;
  readonly key?: string | undefined;
}

type Entry = { readonly ok: true; readonly text: string | undefined } | Unresolved;

export async function resolveCloudInit(
  vm: VirtualMachine,
  readSecret: ReadSecret,
): Promise<ResolvedCloudInit> {
  const { userData, sshKeysSecretRef } = vm.spec;
  const read = (entry: SecretEntry | undefined, key: string): Promise<Entry> =>
    readEntry(readSecret, vm.metadata.namespace, entry && { name: entry.name, key: entry.key ?? key });
  const text = await read(userData?.cloudInit?.secretRef, DEFAULTS.userDataKey);
  if (!text.ok) return text;
  const keys = await read(sshKeysSecretRef, DEFAULTS.sshKeysKey);
  if (!keys.ok) return keys;
  return {
    ok: true,
    wish: {
      ...present({ onChange: userData?.onChange }),
      userData: text.text ?? userData?.cloudInit?.inline,
      sshKeys: publicKeys(keys.text ?? ''),
    },
  };
}

const publicKeys = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

async function readEntry(
  readSecret: ReadSecret,
  namespace: string,
  entry: { readonly name: string; readonly key: string } | undefined,
): Promise<Entry> {
  if (!entry) return { ok: true, text: undefined };
  const secret = await readSecret(namespace, entry.name);
  if (!secret)
    return missing(Reasons.secretNotFound, `There is no Secret "${entry.name}" in namespace "${namespace}".`);
  const text = secret.values[entry.key];
  return text === undefined
    ? missing(Reasons.secretKeyNotFound, `The Secret "${entry.name}" has no key "${entry.key}".`)
    : { ok: true, text };
}

const missing = (reason: string, message: string): Unresolved => ({
  ok: false,
  reason,
  message: `${message} Work goes on by itself once it is there.`,
});
