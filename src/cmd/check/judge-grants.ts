/** What a Provider grants other namespaces, as findings. Pure. */
import { ALLOW_FROM, type Provider, type ProviderSpec } from '../../api/index.ts';
import { formatQuantity } from '../../lib/quantity.ts';
import type { View } from '../../pve/index.ts';
import { ok, warn, type Finding } from './finding.ts';

type Entry = NonNullable<ProviderSpec['grants']>[number];
type Selector = NonNullable<Entry['namespaces']['selector']>;

/** One line for each entry, and one for the annotation; none where nobody else may use the Provider. */
export function judgeGrants(
  { metadata, spec }: Pick<Provider, 'metadata' | 'spec'>,
  view: View,
): readonly Finding[] {
  const entries = spec.grants ?? [];
  const allowed = metadata.annotations[ALLOW_FROM];
  return [
    ...entries.map((entry, at) => judgeEntry(entry, entries.slice(0, at), view)),
    ...(allowed === undefined ? [] : [ok('grants', `${allowed} (by annotation): ${wordsOf(NOTHING)}.`)]),
  ];
}

const NOTHING: Entry = { namespaces: { names: [] } };

function judgeEntry(entry: Entry, before: readonly Entry[], view: View): Finding {
  const { names = [], selector } = entry.namespaces;
  const words = [...names, ...(selector ? [`namespaces with ${labelWords(selector)}`] : [])];
  const found = `${words.join(', ')}: ${wordsOf(entry)}.`;
  const earlier = new Set(before.flatMap(({ namespaces }) => namespaces.names ?? []));
  const shadowed = earlier.has('*') ? words : names.filter((name) => earlier.has(name));
  if (shadowed.length > 0)
    return warn(
      'grants',
      found,
      `An earlier entry applies to ${shadowed.join(', ')}: the first one counts. Change their order.`,
    );
  const missing = missingOf(entry, view);
  return missing.length > 0
    ? warn('grants', found, `The cluster does not have ${missing.join(', ')}: correct the entry.`)
    : ok('grants', found);
}

const labelWords = ({ matchLabels = {}, matchExpressions = [] }: Selector): string =>
  [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) =>
      [key, operator, ...(values.length > 0 ? [`(${values.join(', ')})`] : [])].join(' '),
    ),
  ].join(' and ');

const missingOf = ({ nodes = [], storages = [] }: Entry, view: View): readonly string[] => [
  ...nodes.filter((node) => view.nodes.every(({ name }) => name !== node)).map((node) => `node ${node}`),
  ...storages
    .filter((id) => view.storages.every(({ storage }) => storage !== id))
    .map((id) => `storage ${id}`),
];

const LIMITS = ['nodes', 'storages', 'bridges', 'pools', 'deletionPolicies'] as const;

/** Names of what has to be granted. */
const OPENED = {
  adopt: 'guests to adopt',
  sources: 'guests that are not templates to clone',
  volumes: 'volumes',
  snippets: 'snippets',
  devices: 'devices',
  downloads: 'downloads',
} as const;

function wordsOf(entry: Entry): string {
  const limits = LIMITS.flatMap((field) => {
    const list = entry[field];
    return list ? [`${field} ${list.join(', ')}`] : [];
  });
  const closed = (['adopt', 'sources', 'volumes', 'snippets', 'devices', 'downloads'] as const).filter(
    (field) => (entry[field] ?? []).length === 0,
  );
  return [
    'templates',
    ...limits,
    ...(entry.vmIdRange ? [`VMIDs ${entry.vmIdRange.start} to ${entry.vmIdRange.end}`] : []),
    ...quotaWords(entry.quotas),
    ...(entry.volumes ?? []).map((volume) => `volume ${volume}`),
    ...(entry.snippets ?? []).map((snippet) => `snippet ${snippet}`),
    ...(entry.devices ?? []).map((mapping) => `devices of mapping ${mapping}`),
    ...(entry.downloads ?? []).map((prefix) => `downloads from ${prefix}`),
    ...guestWords('adopt', entry.adopt),
    ...guestWords('clone', entry.sources),
    ...(closed.length > 0 ? [`no ${closed.map((field) => OPENED[field]).join(', ')}`] : []),
  ].join('; ');
}

const quotaWords = (quotas: Entry['quotas']): readonly string[] => [
  ...(quotas?.vms === undefined ? [] : [`at most ${quotas.vms} VMs`]),
  ...(quotas?.cpus === undefined ? [] : [`at most ${quotas.cpus} CPUs`]),
  ...(quotas?.memory === undefined ? [] : [`at most ${formatQuantity(quotas.memory)} of memory`]),
];

const guestWords = (what: string, selectors: Entry['adopt'] = []): readonly string[] =>
  selectors.map(({ vmIdRange, pool, tag }) =>
    [
      `may ${what} guests`,
      ...(vmIdRange ? [`${vmIdRange.start} to ${vmIdRange.end}`] : []),
      ...(pool === undefined ? [] : [`of pool ${pool}`]),
      ...(tag === undefined ? [] : [`with tag ${tag}`]),
    ].join(' '),
  );
