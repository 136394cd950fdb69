/** Where the objects of a kind live in the API. */
import { GROUP, VERSION } from '../api/group.ts';

export interface ApiResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** The objects of a resource in one namespace, or in all. */
export interface ApiCollection extends ApiResource {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** Only those with these labels are listed and watched; absent: all. */
  readonly labelSelector?: string | undefined;
}

export interface ApiPath extends ApiCollection {
  readonly name?: string | undefined;
  readonly subresource?: 'status' | undefined;
}

export const LEASES: ApiResource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
/** Of the core group: that of events.k8s.io refuses lastTimestamp, by which kubectl sorts. */
export const EVENTS: ApiResource = { group: '', version: 'v1', plural: 'events' };
export const SECRETS: ApiResource = { group: '', version: 'v1', plural: 'secrets' };
export const NAMESPACES: ApiResource = { group: '', version: 'v1', plural: 'namespaces' };
export const CONFIG_MAPS: ApiResource = { group: '', version: 'v1', plural: 'configmaps' };

/** One of our own kinds. */
export const ownResource = ({ plural }: { readonly plural: string }): ApiResource => ({
  group: GROUP,
  version: VERSION,
  plural,
});

export const apiVersionOf = ({ group, version }: ApiResource): string =>
  group === '' ? version : `${group}/${version}`;

export function urlPath(path: ApiPath): string {
  const root = path.group === '' ? `/api/${path.version}` : `/apis/${path.group}/${path.version}`;
  const parts = [
    ...(path.namespace === undefined ? [] : ['namespaces', path.namespace]),
    path.plural,
    ...(path.name === undefined ? [] : [path.name]),
    ...(path.subresource === undefined ? [] : [path.subresource]),
  ];
  return `${root}/${parts.map(encodeURIComponent).join('/')}`;
}
