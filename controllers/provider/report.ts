/** What is reported of a Provider. Pure. */
import type { View } from '../../src/pve/index.ts';
import { PVE_VARIABLES, type ProviderSpec, type ProviderStatus } from '../../src/api/index.ts';
import type { DomainCondition, EventNote } from '../../src/runtime/controller.ts';
import type { Discovery } from './discovery.ts';
import { consequencesOf, namesOf, type MissingPrivileges } from './missing-privileges.ts';
import type { Settings } from './settings.ts';

const MOST = 64;
const MAX_PRIVILEGES = 32;

export interface ProviderFacts {
  readonly origin: string;
  readonly view: View;
  readonly version: string | undefined;
  readonly clusterID: string;
  /** Absent: not known. */
  readonly lacks?: MissingPrivileges | undefined;
  readonly discovery?: Discovery;
}

/** Names and states only: figures change at every look, and each change would be a write. */
export function reportProvider({
  origin,
  view,
  version,
  clusterID,
  lacks,
  discovery,
}: ProviderFacts): ProviderStatus {
  const nodes = view.nodes.map(({ name, online }) => ({ name, status: online ? 'online' : 'offline' }));
  const storages = storagesOf(view);
  const missing = namesOf([...(lacks?.required ?? []), ...(lacks?.optional ?? [])]);
  return {
    endpoint: origin,
    healthy: view.staleSince === undefined,
    ...(version !== undefined && { version }),
    ...(view.clusterName !== undefined && { clusterName: view.clusterName }),
    clusterID,
    ...(view.quorate !== 'unknown' && { quorate: view.quorate === 'yes' }),
    nodes: nodes.toSorted((a, b) => a.name.localeCompare(b.name)).slice(0, MOST),
    nodeCount: nodes.length,
    storages: storages.slice(0, MOST),
    storageCount: storages.length,
    ...(discovery?.ok && { discovered: discovery.discovered }),
    ...(missing.length > 0 && { missingPrivileges: missing.slice(0, MAX_PRIVILEGES) }),
  };
}

type StorageStatus = NonNullable<ProviderStatus['storages']>[number];

/** Each storage once, though PVE lists it for every node; not available anywhere shows as it does on the first. */
function storagesOf(view: View): StorageStatus[] {
  const byName = new Map<string, StorageStatus>();
  for (const { storage, type, shared, status } of view.storages) {
    const known = byName.get(storage);
    const state = known?.status === 'available' ? known.status : status;
    byName.set(storage, { name: storage, ...(type !== undefined && { type }), shared, status: state });
  }
  return [...byName.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The features that the credentials do not suffice for. */
export function limitedFeatures(lacks: MissingPrivileges | undefined): DomainCondition[] {
  if (!lacks || lacks.optional.length === 0) return [];
  const text = `Some things do not work, because privileges are missing: ${consequencesOf(lacks).join('; ')}.`;
  return [
    {
      type: 'MissingPrivileges',
      status: 'True',
      reason: 'FeaturesLimited',
      message: withClients([text], lacks.commands),
    },
  ];
}

/** Why a Provider is not ready although Proxmox VE answers. */
export function insufficient({ required, commands }: MissingPrivileges): string {
  const names = namesOf(required);
  const told = (count: number): string => {
    const rest = names.length > count ? ` and ${names.length - count} more` : '';
    return `The credentials hold these privileges nowhere: ${names.slice(0, count).join(', ')}${rest}. VMs are worked on as far as Proxmox VE allows it.`;
  };
  return withClients([told(5), told(2)], commands);
}

/** What a condition holds, less a little. */
const LONGEST = 1000;

/** The first text that fits together with all the lines that mend it; half a line would be a trap. */
function withClients(texts: readonly string[], commands: readonly string[]): string {
  const whole = texts.map((text) => `${text} On a node: ${commands.join(' ; ')}`);
  const hint = 'The command `virtrigaud-proxmox check` prints the lines that grant them.';
  return [...whole, ...texts.map((text) => `${text} ${hint}`)].find((text) => text.length <= LONGEST) ?? hint;
}

/** What a new connection leads to. */
export function connected({ origin, view, version }: ProviderFacts): EventNote {
  const { nodes, clusterName } = view;
  const count = `${nodes.length} node${nodes.length === 1 ? '' : 's'}`;
  const what = clusterName === undefined ? count : `cluster ${clusterName} with ${count}`;
  return {
    type: 'Normal',
    reason: 'Connected',
    message: `Proxmox VE ${version ?? 'of an unknown version'} answers at ${origin}: ${what}.`,
  };
}

/** Connections on which somebody in between could read the credentials. */
export function unverified({
  origin,
  otherOrigins,
  fingerprints,
  insecureSkipVerify,
}: Pick<Settings, 'origin' | 'otherOrigins' | 'fingerprints' | 'insecureSkipVerify'>): EventNote[] {
  const plain = [origin, ...otherOrigins].filter((url) => url.startsWith('http:'));
  const unchecked = insecureSkipVerify && fingerprints.length === 0;
  const warnings = [
    ...(plain.length > 0 ? [`${plain.join(', ')} is not encrypted.`] : []),
    ...(unchecked ? ['The certificates of the servers are not checked.'] : []),
  ];
  return warnings.map((warning) => ({
    type: 'Warning',
    reason: 'TLSNotVerified',
    message: `${warning} Whoever is on the way to Proxmox VE can read the credentials. Use https and give a CA or, simplest, the certificates' fingerprints in spec.tls.fingerprints.`,
  }));
}

const VARIABLES: ReadonlySet<string> = new Set(PVE_VARIABLES);

/** Settings of a provider process that does not exist here, and variables that nobody reads: often misspelt ones. */
export function ignoredFields({ runtime }: ProviderSpec, discovery?: Discovery): DomainCondition[] {
  const fields = [
    ...(runtime?.mode === 'Remote' ? ['runtime.mode'] : []),
    ...(runtime?.image === undefined ? [] : ['runtime.image']),
    ...(runtime?.service === undefined ? [] : ['runtime.service']),
    ...(runtime?.env ?? []).flatMap(({ name }) => (VARIABLES.has(name) ? [] : [`runtime.env ${name}`])),
  ];
  const told = `These fields have no effect, because the operator itself speaks to Proxmox VE: ${fields.join(', ')}.`;
  return withoutEffect([
    ...(fields.length > 0 ? [told] : []),
    ...(discovery?.ok === false ? [discovery.problem] : []),
  ]);
}

const withoutEffect = (sentences: readonly string[]): DomainCondition[] =>
  sentences.length === 0
    ? []
    : [{ type: 'FieldsIgnored', status: 'True', reason: 'NoEffect', message: sentences.join(' ') }];
