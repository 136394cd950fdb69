/** What the VMs of a namespace may use of a Provider. Pure. */
import type { Provider, ProviderSpec } from '../../../src/api/index.ts';
import type { GuestView } from '../../../src/pve/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { allowsFrom } from '../objects/references.ts';
import { admits, type Namespaces } from './namespaces.ts';

type Entry = NonNullable<ProviderSpec['grants']>[number];
export type GuestSelector = NonNullable<Entry['adopt']>[number];
type Limits = Pick<
  Entry,
  'nodes' | 'storages' | 'bridges' | 'pools' | 'vmIdRange' | 'deletionPolicies' | 'quotas'
>;

export type Allowed<T> = 'all' | readonly T[];

/** Limits that are absent leave everything open. */
export interface Grant extends Limits {
  /** `namespace/name` */
  readonly provider: string;
  readonly namespace: string;
  /** Position of the entry of spec.grants, whose namespaces share its quotas. Absent: none applies. */
  readonly entry?: number;
  readonly adopt: Allowed<GuestSelector>;
  readonly sources: Allowed<GuestSelector>;
  readonly volumes: Allowed<string>;
  readonly snippets: Allowed<string>;
  /** Names of resource mappings. */
  readonly devices: Allowed<string>;
  /** Beginnings of URLs. */
  readonly downloads: Allowed<string>;
  /** Whether placement policies may count VMs of other namespaces. */
  readonly placementAcrossNamespaces: boolean;
  /** Its limits are not known: the Provider is gone, or no longer admits the namespace. */
  readonly isWithdrawn?: boolean;
}

const OPEN = {
  adopt: 'all',
  sources: 'all',
  volumes: 'all',
  snippets: 'all',
  devices: 'all',
  downloads: 'all',
  placementAcrossNamespaces: true,
} as const;

/** What an entry without further fields grants. */
const CLOSED = {
  adopt: [],
  sources: [],
  volumes: [],
  snippets: [],
  devices: [],
  downloads: [],
  placementAcrossNamespaces: false,
} as const;

/** `undefined`: the namespace may not use the Provider, or it is not known yet whether it may (`isUndecided`). */
export function grantOf(
  { metadata, spec }: Readable<Provider>,
  namespace: string,
  namespaces: Namespaces,
): Grant | undefined {
  const about = { provider: `${metadata.namespace}/${metadata.name}`, namespace };
  if (metadata.namespace === namespace) return { ...about, ...OPEN };
  const { at, admitted } = entryFor(spec, namespace, namespaces);
  if (admitted === 'unread') return undefined;
  const found = spec.grants?.[at];
  if (!found) return allowsFrom(metadata.annotations, namespace) ? { ...about, ...CLOSED } : undefined;
  const { namespaces: _namespaces, ...granted } = found;
  return { ...about, ...CLOSED, ...omitUndefined(granted), entry: at };
}

/** The labels of its Namespace decide, and have not been read yet. */
export const isUndecided = (
  { metadata, spec }: Readable<Provider>,
  namespace: string,
  namespaces: Namespaces,
): boolean => metadata.namespace !== namespace && entryFor(spec, namespace, namespaces).admitted === 'unread';

/** The first entry that admits the namespace, or may do so. */
function entryFor(
  { grants = [] }: Pick<Partial<ProviderSpec>, 'grants'>,
  namespace: string,
  namespaces: Namespaces,
): { readonly at: number; readonly admitted: boolean | 'unread' } {
  for (const [at, entry] of grants.entries()) {
    const admitted = admits(entry.namespaces, namespace, namespaces);
    if (admitted !== false) return { at, admitted };
  }
  return { at: -1, admitted: false };
}

/**
 * What applies to a VM that may have a guest, whether or not the Provider still admits its namespace.
 * @param provider absent: it is gone
 */
export function grantInForce(
  provider: Readable<Provider> | undefined,
  at: { readonly namespace: string; readonly name: string },
  from: { readonly namespace: string; readonly namespaces: Namespaces },
): Grant {
  if (!provider) return grantOfGone(at, from.namespace);
  return grantOf(provider, from.namespace, from.namespaces) ?? closedGrant(provider, from.namespace);
}

/** What the deletion of a VM may use whose Provider is gone, and its grants with it. */
const grantOfGone = (
  provider: { readonly namespace: string; readonly name: string },
  namespace: string,
): Grant => ({
  provider: `${provider.namespace}/${provider.name}`,
  namespace,
  ...(provider.namespace === namespace ? OPEN : { ...CLOSED, isWithdrawn: true }),
});

/** What a namespace may use that may use nothing new: its guests are there all the same. */
const closedGrant = ({ metadata }: Pick<Provider, 'metadata'>, namespace: string): Grant => ({
  provider: `${metadata.namespace}/${metadata.name}`,
  namespace,
  ...CLOSED,
  isWithdrawn: true,
});

/** What the owner of a Provider may do with it, because it is theirs. */
export const isOwnersGrant = ({ adopt }: Grant): boolean => adopt === 'all';

/** One selector matches, each of them with all that it has. */
export const selects = (
  allowed: Allowed<GuestSelector>,
  guest: Pick<GuestView, 'vmid' | 'pool' | 'tags'>,
): boolean => allowed === 'all' || allowed.some((selector) => matches(selector, guest));

function matches(
  { vmIdRange, pool, tag }: GuestSelector,
  guest: Pick<GuestView, 'vmid' | 'pool' | 'tags'>,
): boolean {
  if (vmIdRange && (guest.vmid < vmIdRange.start || guest.vmid > vmIdRange.end)) return false;
  if (pool !== undefined && guest.pool !== pool) return false;
  return tag === undefined || guest.tags.some((each) => each.toLowerCase() === tag.toLowerCase());
}

/** Disks of guests, as the plugins of pve-storage name them: `vm-100-disk-0`, `100/vm-100-disk-0.qcow2`, `base-100-…`. */
const OF_A_GUEST = /(^|\/)(vm|base|subvol|basevol)-\d+-|^\d+\//;

/** A pattern never stands for the disk of a guest, whose owner may change. */
export function mayUseVolume(allowed: Allowed<string>, volume: string): boolean {
  if (allowed === 'all' || allowed.includes(volume)) return true;
  const path = volume.slice(volume.indexOf(':') + 1);
  if (OF_A_GUEST.test(path) || path.split('/').includes('..')) return false;
  return allowed.some((entry) => entry.endsWith('*') && volume.startsWith(entry.slice(0, -1)));
}

/** The nodes of a Provider that are granted; empty: none. */
export const grantedNodes = (
  selector: readonly string[],
  { nodes = [] }: Pick<Grant, 'nodes'>,
): readonly string[] =>
  selector.length === 0 ? nodes : selector.filter((name) => nodes.some((node) => node === name));

/** Where the VMs of a namespace may be. Without a node in common those that exist stay among what is granted. */
export function nodesWithin(selector: readonly string[], { nodes }: Pick<Grant, 'nodes'>): readonly string[] {
  if (!nodes) return selector;
  const common = grantedNodes(selector, { nodes });
  return common.length > 0 ? common : nodes;
}

/** Whether a limit leaves something out. */
export const isOutside = <T>(limit: readonly T[] | undefined, value: T | undefined): boolean =>
  limit !== undefined && value !== undefined && !limit.includes(value);

/** Whom to ask for more, as the end of a sentence. */
export const askFor = (field: string, { provider }: Grant): string =>
  `ask the owner of Provider ${provider} to grant it (spec.grants[].${field})`;
