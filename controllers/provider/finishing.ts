/**
 * Connections for deletions that are under way although the credentials were withdrawn or the Provider is gone. They are
 * opened from the copy of the credentials when a deletion needs them, used for nothing else, and closed after the last.
 */
import type { ClusterIdentity } from '../../src/pve/index.ts';
import type { Provider, VirtualMachine } from '../../src/api/index.ts';
import { seconds } from '../../src/lib/units.ts';
import type { ObjectReader, Readable } from '../../src/runtime/controller.ts';
import { isSameCluster, parseIdentity } from '../shared/cluster/identity.ts';
import type { DeletionConnections, Finishing } from '../shared/cluster/connections.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import type { UsersOf } from '../shared/objects/in-use.ts';
import { identityOf } from './cluster-client.ts';
import type { CopyOf, CredentialCopies } from './credential-copies.ts';
import type { ConnectionPool } from './pool.ts';
import { usersOfProvider } from './users.ts';

export interface FinishingPorts {
  readonly pool: ConnectionPool;
  readonly copies: CredentialCopies;
  readonly providers: ObjectReader<Provider>;
  /** VirtualMachines that refer to a Provider, being deleted or not. */
  readonly usersOf: UsersOf;
  readonly namespaces: Namespaces;
  /** An attempt has ended without a connection: the VMs of the Provider that are being deleted report why. */
  readonly onAttempted: (provider: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
}

export interface FinishingConnections extends DeletionConnections {
  /** Removes copies that nothing needs, and closes connections whose last deletion has ended. */
  sweep(): Promise<void>;
}

/** An attempt that opened no connection. */
type Ended = Extract<Finishing, { kind: 'none' | 'failed' }>;

interface Attempt {
  readonly at: number;
  ended: Ended | undefined;
}

const RETRY_AFTER = seconds(10);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function createFinishingConnections(ports: FinishingPorts): FinishingConnections {
  const { pool, copies, providers, usersOf, namespaces, now } = ports;
  const attempts = new Map<string, Attempt>();

  /** What is known of it, if anything, while it is open or being opened. */
  function current(key: string): Attempt | undefined {
    const attempt = attempts.get(key);
    return attempt && (!attempt.ended || now() - attempt.at < RETRY_AFTER) ? attempt : undefined;
  }

  async function open(namespace: string, name: string): Promise<'connected' | Ended> {
    const copy = await copies.find(namespace, name);
    if (!copy) return { kind: 'none' };
    const key = `${namespace}/${name}`;
    const pinned = parseIdentity(copy.clusterID);
    const client = pool.withClient(key, { ...copy.settings, nodeSelector: [] }, pinned);
    const view = client.inventory.view() ?? (await client.inventory.refresh());
    const identity: ClusterIdentity = identityOf(view, pinned);
    if (identity.nodes.length > 0 && !isSameCluster(pinned, identity))
      return { kind: 'failed', message: `another Proxmox VE cluster answers at ${client.origin}` };
    pool.use(key, client, { view, identity, nodeSelector: [], defaults: {}, forDeletion: true });
    return 'connected';
  }

  function start(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const attempt: Attempt = { at: now(), ended: undefined };
    attempts.set(key, attempt);
    void open(namespace, name)
      .catch((error: unknown): Ended => ({ kind: 'failed', message: messageOf(error) }))
      .then((ended) => {
        if (ended === 'connected') {
          attempts.delete(key);
          return;
        }
        attempt.ended = ended;
        ports.onAttempted(key);
      });
  }

  const isLeaving = ({ metadata }: Readable<VirtualMachine>): boolean =>
    metadata.deletionTimestamp !== undefined;

  /** Nobody waits for the connection that could not be opened, and it is not that of the Provider itself. */
  function isAbandoned(key: string): boolean {
    const [namespace = '', name = ''] = key.split('/');
    const isProviders = providers.partial(namespace, name) !== undefined && !pool.isWithdrawn(key);
    return !isProviders && !usersOf(namespace, name).some(isLeaving);
  }

  function isNeeded({ uid, namespace, name }: CopyOf, isKept: (uid: string) => boolean): boolean {
    const provider = providers.partial(namespace, name);
    const successor = provider?.metadata.uid;
    if (successor !== undefined && successor !== uid && isKept(successor)) return false;
    // Where the VMs of a Provider cannot be seen, nothing says that they are gone.
    if (providers.covers?.(namespace) === false) return true;
    return usersOfProvider({ namespace, provider }, usersOf(namespace, name), namespaces).length > 0;
  }

  return {
    forDeletion(namespace, name) {
      const connection = pool.forDeletion(namespace, name);
      if (connection) return { kind: 'open', connection };
      const key = `${namespace}/${name}`;
      if (providers.partial(namespace, name) && !pool.isWithdrawn(key)) return { kind: 'none' };
      if (!current(key)) start(namespace, name);
      return current(key)?.ended ?? { kind: 'opening' };
    },
    async sweep() {
      for (const key of pool.finishing()) {
        const [namespace = '', name = ''] = key.split('/');
        if (!usersOf(namespace, name).some(isLeaving)) pool.stopFinishing(key);
      }
      for (const [key, { ended }] of attempts) {
        if (!ended || current(key)) continue;
        if (isAbandoned(key)) pool.stopFinishing(key);
        attempts.delete(key);
      }
      await copies.sweep(isNeeded);
    },
  };
}
