/** Resolves user-data and SSH keys from the spec or from Secrets. */
import { DEFAULTS, type VirtualMachine, type Reason } from '../../../src/api/index.ts';
import {
  ignitionIn,
  MAX_SSH_KEYS,
  type Documents,
  type ReadDocuments,
} from '../../../src/cloudinit/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import type { DeliveredDigests } from '../model/cloud-init.ts';
import type { DesiredCloudInit, Shape, Unresolved } from '../model/desired.ts';
import { allOf } from '../model/unresolved.ts';
import { changedParts, digestsOf } from './delivered-digests.ts';

/** The values of a Secret, and in Base64 those that are no text. */
interface SecretValues {
  readonly values: Readonly<Record<string, string>>;
  readonly binary?: Readonly<Record<string, string>>;
}

/** Reads the values of a Secret; `undefined` if it does not exist. */
export type ReadSecret = (namespace: string, name: string) => Promise<SecretValues | undefined>;

export type ResolvedCloudInit = { readonly ok: true; readonly desired: DesiredCloudInit } | Unresolved;

interface SecretEntry {
  readonly name: string;
  readonly key?: string | undefined;
}

interface Text {
  readonly text?: string | undefined;
  /** Base64 of a value that is no text. */
  readonly binary?: string | undefined;
}

type Entry = ({ readonly ok: true } & Text) | Unresolved;

export interface CloudInitPorts {
  readonly readSecret: ReadSecret;
  readonly readDocuments: ReadDocuments;
  /** Of what Secrets contain, for statuses that more people may read. */
  readonly digest: Digest;
}

export async function resolveCloudInit(
  vm: VirtualMachine,
  want: Pick<Shape, 'owner' | 'nics'>,
  { readSecret, readDocuments, digest }: CloudInitPorts,
): Promise<ResolvedCloudInit> {
  const { texts, problems } = await readTexts(vm, readSecret);
  const [problem, ...others] = problems;
  if (problem) return allOf(problem, others);
  const desired = desiredFrom(vm, texts);
  if (hasItsImage(vm, digestsOf({ ...want, cloudInit: desired }, digest))) return { ok: true, desired };
  const documents = await readDocuments(vm.metadata.namespace, desired);
  if (!documents) return UNREAD;
  return { ok: true, desired: withIgnitionInPlace(desired, documents) };
}

/** An Ignition configuration that is user-data counts as one in its own field. */
function withIgnitionInPlace(desired: DesiredCloudInit, documents: Documents): DesiredCloudInit {
  const found = ignitionIn({ ...desired, documents });
  const { userData: _userData, ...others } = documents;
  const read = found && documents.userData ? { ...others, ignition: found.ignition } : documents;
  return {
    ...desired,
    ...(found && { userData: undefined, ignition: found.text }),
    ...(Object.keys(read).length > 0 && { documents: read }),
  };
}

/** What of the Secrets in the spec is missing. */
export const missingSecrets = async (
  vm: VirtualMachine,
  readSecret: ReadSecret,
): Promise<readonly Unresolved[]> => (await readTexts(vm, readSecret)).problems;

async function readTexts(
  vm: VirtualMachine,
  readSecret: ReadSecret,
): Promise<{ readonly texts: ReadonlyMap<string, Text>; readonly problems: readonly Unresolved[] }> {
  const texts = new Map<string, Text>();
  const problems: Unresolved[] = [];
  for (const { name, source, key } of sourcesOf(vm)) {
    const ref = source?.secretRef;
    const entry = ref && { name: ref.name, key: ref.key ?? key };
    const read = await readEntry(readSecret, vm.metadata.namespace, entry);
    if (read.ok) texts.set(name, entry ? read : { text: source?.inline });
    else problems.push(read);
  }
  return { texts, problems };
}

/** Nobody looks into the texts again: they are the same as those on the image that the guest was given. */
function hasItsImage({ status }: VirtualMachine, digests: DeliveredDigests): boolean {
  const { vmid, name, createdAt, internal: { cloudInit } = {} } = status ?? {};
  const isMade = vmid !== undefined && name !== undefined && createdAt !== undefined;
  return (
    isMade && cloudInit?.mode === 'Image' && changedParts(cloudInit.deliveredDigests, digests).length === 0
  );
}

const UNREAD: Unresolved = {
  ok: false,
  reason: Reasons.cloudInitQueued,
  message:
    'The user-data, the meta-data or the network data has not been parsed yet: other texts of this namespace, and of others, are parsed first. Nothing has to be done.',
  early: true,
};

function desiredFrom({ spec }: VirtualMachine, texts: ReadonlyMap<string, Text>): DesiredCloudInit {
  const { userData } = spec;
  return {
    sshKeys: publicKeys(texts.get('sshKeys')?.text ?? ''),
    ...resolverOf(spec),
    ...userDataOf(texts, userData?.cloudInit?.format),
    ...omitUndefined({
      metaData: texts.get('metaData')?.text,
      networkData: texts.get('networkData')?.text,
      snippet: userData?.cloudInit?.snippet,
      onChange: userData?.onChange,
    }),
  };
}

function resolverOf({
  dns = [],
  searchDomain,
}: Pick<VirtualMachine['spec'], 'dns' | 'searchDomain'>): Pick<DesiredCloudInit, 'resolver'> {
  const search = searchDomain === undefined ? [] : [searchDomain];
  return dns.length + search.length > 0 ? { resolver: { dns, search } } : {};
}

type UserDataText = Pick<DesiredCloudInit, 'userData' | 'userDataFormat' | 'ignition'>;

function userDataOf(texts: ReadonlyMap<string, Text>, format: 'Raw' | 'Base64' | undefined): UserDataText {
  const { text, binary } = texts.get('userData') ?? {};
  if (binary !== undefined)
    return { userData: binary, userDataFormat: format === undefined ? 'Binary' : 'Base64' };
  if (format !== undefined) return { userData: text, userDataFormat: format };
  const ignition = texts.get('ignition')?.text;
  return { userData: text, ...omitUndefined({ ignition }) };
}

interface Source {
  readonly name: string;
  readonly source: TextSource | undefined;
  /** The key in the Secret, unless the spec names another. */
  readonly key: string;
}

const sourcesOf = ({
  spec: { userData, metaData, networkData, sshKeysSecretRef },
}: VirtualMachine): readonly Source[] => [
  { name: 'userData', source: userData?.cloudInit, key: DEFAULTS.userDataKey },
  { name: 'ignition', source: userData?.ignition, key: DEFAULTS.ignitionKey },
  { name: 'metaData', source: metaData?.cloudInit, key: DEFAULTS.metaDataKey },
  { name: 'networkData', source: networkData, key: DEFAULTS.networkDataKey },
  { name: 'sshKeys', source: sshKeysSecretRef && { secretRef: sshKeysSecretRef }, key: DEFAULTS.sshKeysKey },
];

/** An inline text, or a reference to a key of a Secret. */
interface TextSource {
  readonly inline?: string | undefined;
  readonly secretRef?: SecretEntry | undefined;
}

/** A line that is neither blank nor a comment. */
const KEY_LINE = /^[^\S\n]*([^\s#].*)$/gm;

/** One more than a guest can get is enough to refuse them. */
const publicKeys = (text: string): string[] =>
  text
    .matchAll(KEY_LINE)
    .take(MAX_SSH_KEYS + 1)
    .map(([, line = '']) => line.trim())
    .toArray();

async function readEntry(
  readSecret: ReadSecret,
  namespace: string,
  entry: { readonly name: string; readonly key: string } | undefined,
): Promise<Entry> {
  if (!entry) return { ok: true };
  const secret = await readSecret(namespace, entry.name);
  if (!secret) return missing(Reasons.secretNotFound, `Secret ${namespace}/${entry.name} not found.`);
  const text = secret.values[entry.key];
  return text === undefined
    ? keyNotFound(`${namespace}/${entry.name}`, entry.key, Object.keys(secret.values))
    : { ok: true, text, binary: secret.binary?.[entry.key] };
}

const keyNotFound = (secret: string, key: string, keys: readonly string[]): Unresolved => {
  const fact = `Secret ${secret} has no key "${key}"; it has ${keys.length === 0 ? 'none' : closestOf(key, keys)}.`;
  return {
    ok: false,
    reason: Reasons.secretKeyNotFound,
    message: `${fact} Add it, or name another in secretRef.key; reconciliation resumes by itself.`,
    fact,
  };
};

const missing = (reason: Reason, fact: string): Unresolved => ({
  ok: false,
  reason,
  message: `${fact} Create it, or correct the reference; reconciliation resumes by itself.`,
  fact,
});
