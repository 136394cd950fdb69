/** An open connection to one PVE cluster, whichever Providers use it: transport, handles and inventory. */
import {
  createInventory,
  createNodeVersions,
  createTransport,
  pve as pveOver,
  type ClusterIdentity,
  type Inventory,
  type NodeVersions,
  type PeerCertificate,
  type Pve,
  type RequestAttempt,
  type View,
} from '../../src/pve/index.ts';
import { nodeName, seconds, type Millis, type Vmid } from '../../src/lib/units.ts';
import { createMarks, type Marks } from '../shared/guests/marks.ts';
import { silence } from '../shared/cluster/connections.ts';
import { isSameCluster } from '../shared/cluster/identity.ts';
import { connectionOf, type Settings } from './settings.ts';

export interface ClusterClient {
  /** The same for all settings that may share it. */
  readonly key: string;
  /** Of the endpoint in use. */
  readonly origin: string;
  /** That the endpoint in use showed last; absent without TLS. */
  readonly certificate: PeerCertificate | undefined;
  readonly pve: Pve;
  readonly inventory: Inventory;
  readonly marks: Marks;
  /** Epoch ms: when Proxmox VE last refused these credentials anything because they lack a privilege. */
  readonly refusedAt: number | undefined;
  readonly versions: NodeVersions;
}

export interface OpenClient extends ClusterClient {
  /** Stops polling; requests are still sent. */
  readonly stopPolling: () => void;
  readonly close: () => Promise<void>;
}

export interface ClientOptions {
  readonly key: string;
  /** Namespace of the Provider that opens it. */
  readonly tenant?: string | undefined;
  /** The cluster that it must lead to, where that is known. */
  readonly pinned: ClusterIdentity | undefined;
  /** VMIDs in the status of the VMs that use it. */
  readonly claimed: () => ReadonlySet<Vmid>;
  readonly onRequest: (seen: RequestAttempt) => void;
  readonly onGuestsChanged: (vmids: ReadonlySet<Vmid>) => void;
  /** Nodes, storages, whether the cluster can be read, the endpoint in use, or that the credentials are refused. */
  readonly onChanged: () => void;
  /** Passes that ended because the cluster could not be read may go on. */
  readonly onAnsweringAgain: () => void;
  /** Epoch ms. */
  readonly now: () => number;
  readonly inventoryInterval?: Millis | undefined;
}

const GRACE = seconds(20);

export function openClient(settings: Settings, options: ClientOptions): OpenClient {
  const { key, now, onChanged } = options;
  const isNewlyRefused = createRefusalDetector();
  let known = options.pinned;
  let refusedAt: number | undefined;
  const transport = createTransport({
    ...connectionOf(settings),
    tenant: options.tenant,
    isExpectedCluster(found) {
      const before = seenIn(inventory.view()) ?? known;
      if (before && !isSameCluster(before, found)) return false;
      known = found;
      return true;
    },
    onFailover: onChanged,
    versionOf: (node) => versions.releases.get(nodeName(node)),
    onRequest(seen) {
      options.onRequest(seen);
      if (seen.code === '403') refusedAt = now();
      // The credentials may have been replaced: the Secret is read again.
      if (isNewlyRefused(seen)) onChanged();
    },
  });
  const pve = pveOver(transport.send);
  const versions = createNodeVersions({ pve, now });
  const inventory = createInventory({ pve, interval: options.inventoryInterval, tenant: options.tenant });
  const stopping = new AbortController();
  let wasSilent = false;
  inventory.onChange((vmids, kind) => {
    if (kind !== 'cluster') {
      options.onGuestsChanged(vmids);
      return;
    }
    onChanged();
    const isSilent = silence({ inventory }) !== undefined;
    if (wasSilent && !isSilent) options.onAnsweringAgain();
    wasSilent = isSilent;
  });
  inventory.start(stopping.signal);
  return {
    key,
    get origin() {
      return transport.origin;
    },
    get certificate() {
      return transport.certificate;
    },
    pve,
    inventory,
    versions,
    marks: createMarks({ pve, inventory }, options.claimed, now),
    get refusedAt() {
      return refusedAt;
    },
    stopPolling: () => stopping.abort(),
    async close() {
      stopping.abort();
      await transport.close(GRACE);
    },
  };
}

/** Where the credentials may not read the cluster's name, it is taken to be what it was. */
export const identityOf = (view: View, before: ClusterIdentity | undefined): ClusterIdentity => ({
  name: view.quorate === 'unknown' ? before?.name : view.clusterName,
  nodes: view.nodes.map(({ name }) => name),
  address: view.quorate === 'unknown' ? before?.address : view.address,
});

const seenIn = (view: View | undefined): ClusterIdentity | undefined =>
  view && {
    name: view.clusterName,
    nodes: view.nodes.map(({ name }) => name),
    address: view.address,
  };

/** Distinguishes the first refusal of the credentials from its repetitions. */
function createRefusalDetector(): (seen: RequestAttempt) => boolean {
  let refused = false;
  return ({ code }) => {
    const before = refused;
    if (code === '401') refused = true;
    else if (code.startsWith('2')) refused = false;
    return refused && !before;
  };
}
