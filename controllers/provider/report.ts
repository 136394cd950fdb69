/** What a Provider reports. Pure. */
import type { PeerCertificate, View } from '../../src/pve/index.ts';
import { PVE_VARIABLES, type ProviderSpec, type ProviderStatus } from '../../src/api/index.ts';
import { normal, warning } from '../shared/errors/event.ts';
import type { DomainCondition, EventNote } from '../../src/runtime/controller.ts';
import type { Discovery } from './discovery.ts';
import { lackOfHaRules, managesHaRules } from '../shared/cluster/ha-rules.ts';
import { hasSelector } from '../shared/grants/namespaces.ts';
import { consequencesOf, namesOf, type MissingPrivileges } from './missing-privileges.ts';
import type { Settings } from './settings.ts';

const MAX_LISTED = 64;
const MAX_PRIVILEGES = 32;
const MAX_USER = 192;

export interface ProviderFacts {
  readonly origin: string;
  /** Whose credentials are in use. */
  readonly user: string;
  readonly view: View;
  readonly version: string | undefined;
  readonly clusterID: string;
  /** Absent without TLS. */
  readonly certificate?: PeerCertificate | undefined;
  /** Absent: not known. */
  readonly missing?: MissingPrivileges | undefined;
  readonly discovered?: ProviderStatus['discovered'];
}

/** Names and states only: figures change at every read, and each change would be a write. */
export function reportProvider({
  origin,
  user,
  view,
  version,
  clusterID,
  certificate,
  missing,
  discovered,
}: ProviderFacts): ProviderStatus {
  const nodes = view.nodes.map((node) => ({ name: node.name, status: stateOf(node) }));
  const storages = storagesOf(view);
  const missingNames = namesOf([...(missing?.required ?? []), ...(missing?.optional ?? [])]);
  return {
    endpoint: origin,
    user: user.slice(0, MAX_USER),
    healthy: view.staleSince === undefined,
    ...(version !== undefined && { version }),
    ...(view.clusterName !== undefined && { clusterName: view.clusterName }),
    clusterID,
    clusterCertificate: kept(certificate),
    ...(view.quorate !== 'unknown' && { quorate: view.quorate === 'yes' }),
    nodes: nodes.toSorted((a, b) => a.name.localeCompare(b.name)).slice(0, MAX_LISTED),
    nodeCount: nodes.length,
    storages: storages.slice(0, MAX_LISTED),
    storageCount: storages.length,
    ...(discovered && { discovered }),
    ...(missingNames.length > 0 && { missingPrivileges: missingNames.slice(0, MAX_PRIVILEGES) }),
  };
}

const kept = (
  certificate: PeerCertificate | undefined,
): NonNullable<ProviderStatus['clusterCertificate']> => ({
  leaf: certificate?.leaf ?? '',
  ...(certificate?.privateRoot !== undefined && { authority: certificate.privateRoot }),
});

const stateOf = ({ online, hastate }: View['nodes'][number]): string =>
  online ? (hastate === 'maintenance' ? hastate : 'online') : 'offline';

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

/** The features that the credentials lack privileges for. */
export function limitedFeatures(missing: MissingPrivileges | undefined): DomainCondition[] {
  if (!missing || missing.optional.length === 0) return [];
  const text = `Some features do not work because privileges are missing: ${consequencesOf(missing).join('; ')}.`;
  return [
    {
      type: 'MissingPrivileges',
      status: 'True',
      reason: 'FeaturesLimited',
      message: withCommands([text], missing.commands),
    },
  ];
}

/** Why a Provider is not ready although Proxmox VE answers. */
export function insufficient({ required, commands }: MissingPrivileges): string {
  const names = namesOf(required);
  const text = (count: number): string => {
    const rest = names.length > count ? ` and ${names.length - count} more` : '';
    return `The credentials do not have these privileges anywhere: ${names.slice(0, count).join(', ')}${rest}. VMs are managed as far as Proxmox VE allows.`;
  };
  return withCommands([text(5), text(2)], commands);
}

/** Below what a condition holds. */
const MAX_MESSAGE = 1000;

/** The first text that fits together with all commands that fix it; half a command would be a trap. */
function withCommands(texts: readonly string[], commands: readonly string[]): string {
  const whole = texts.map((text) => `${text} On a node: ${commands.join(' ; ')}`);
  const hint = 'The command `virtrigaud-proxmox check` prints the commands that grant them.';
  return (
    [...whole, ...texts.map((text) => `${text} ${hint}`)].find((text) => text.length <= MAX_MESSAGE) ?? hint
  );
}

/** The event of a new connection. */
export function connected({ origin, user, view, version }: ProviderFacts): EventNote {
  const { nodes, clusterName } = view;
  const count = `${nodes.length} node${nodes.length === 1 ? '' : 's'}`;
  const what = clusterName === undefined ? count : `cluster ${clusterName} with ${count}`;
  return normal(
    'Connected',
    `Proxmox VE ${version ?? 'of an unknown version'} answers ${user} at ${origin}: ${what}.`,
  );
}

/** Warnings about connections on which the credentials could be intercepted. */
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
  return warnings.map((text) =>
    warning(
      'TLSNotVerified',
      `${text} Anyone between the operator and Proxmox VE can read the credentials. Use https and give a CA or, simplest, the certificates' fingerprints in spec.tls.fingerprints.`,
    ),
  );
}

const VARIABLES: ReadonlySet<string> = new Set(PVE_VARIABLES);

interface ReportedFacts {
  readonly discovery?: Discovery;
  /** Absent: it is not reported. */
  readonly mayReadNamespaces?: boolean;
  /** Of the nodes, as far as they are known. */
  readonly releases?: readonly string[];
}

/** Fields without effect, and what keeps the list of guests to adopt from being made. */
export function ignoredFields(
  spec: ProviderSpec,
  { discovery, mayReadNamespaces, releases = [] }: ReportedFacts = {},
): DomainCondition[] {
  const fields = unreadSettings(spec);
  const noRules = managesHaRules(spec) ? lackOfHaRules(releases) : undefined;
  const message = `These fields have no effect because the operator itself connects to Proxmox VE: ${fields.join(', ')}.`;
  return withoutEffect([
    ...(fields.length > 0 ? [message] : []),
    ...(mayReadNamespaces === false && hasSelector(spec) ? [SELECTS_NOBODY] : []),
    ...(discovery?.ok === false ? [discovery.problem] : []),
    ...(noRules === undefined ? [] : [`ha.rules: Manage has no effect: ${noRules}`]),
  ]);
}

/** Settings of a provider process that does not exist here, and variables that nothing reads: often misspelt ones. */
const unreadSettings = ({ runtime }: ProviderSpec): readonly string[] => [
  ...(runtime?.mode === 'Remote' ? ['runtime.mode'] : []),
  ...(runtime?.image === undefined ? [] : ['runtime.image']),
  ...(runtime?.service === undefined ? [] : ['runtime.service']),
  ...(runtime?.env ?? []).flatMap(({ name }) => (VARIABLES.has(name) ? [] : [`runtime.env ${name}`])),
];

const SELECTS_NOBODY =
  'Entries of grants with namespaces.selector admit nobody, because this operator watches single namespaces (--watch-namespace) and may not read the labels of Namespaces. List the namespaces in namespaces.names instead, or let the operator watch all namespaces.';

const withoutEffect = (sentences: readonly string[]): DomainCondition[] =>
  sentences.length === 0
    ? []
    : [{ type: 'FieldsIgnored', status: 'True', reason: 'NoEffect', message: sentences.join(' ') }];
