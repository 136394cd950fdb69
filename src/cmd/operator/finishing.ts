/** Copies of credentials, the connections that deletions open with them, and the sweep that ends both. */
import {
  COPY_LABELS,
  createCredentialCopies,
  createFinishingConnections,
  type ConnectionPool,
  type CredentialCopies,
  type FinishingConnections,
  type Namespaces,
} from '../../../controllers/index.ts';
import type { Logger } from 'pino';
import { seconds } from '../../lib/units.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ownSecrets } from '../../kube/own-secrets.ts';
import { keyOf, type VmIndexes } from './indexes.ts';
import type { AskForPass } from './queues.ts';
import type { Watches } from './watches.ts';

interface Deps {
  readonly client: KubeClient;
  /** Of the operator. */
  readonly namespace: string;
  readonly watches: Watches;
  readonly indexes: VmIndexes;
  readonly pool: ConnectionPool;
  readonly namespaces: Namespaces;
  readonly ask: AskForPass;
  readonly now: () => number;
}

export interface FinishingParts {
  readonly copies: CredentialCopies;
  readonly finishing: FinishingConnections;
}

export function createFinishing({
  client,
  namespace,
  watches,
  indexes,
  pool,
  namespaces,
  ask,
  now,
}: Deps): FinishingParts {
  const copies = createCredentialCopies(ownSecrets(client, { namespace, labels: COPY_LABELS }), now);
  const users = indexes.users('Provider');
  const finishing = createFinishingConnections({
    pool,
    copies,
    namespaces,
    providers: watches.Provider.cache,
    usersOf: (at, name) => indexes.mayUse('Provider', keyOf({ namespace: at, name })),
    onAttempted: (provider) => ask('VirtualMachine', users.keys(provider), 'connection'),
    now,
  });
  return { copies, finishing };
}

const SWEEP_INTERVAL = seconds(5);

/** Begins at once; the function that it returns ends it. Only the leader sweeps: its caches are complete. */
export function sweepCopies(
  { sweep }: Pick<FinishingConnections, 'sweep'>,
  { leads, log }: { readonly leads: () => boolean; readonly log: Logger },
): () => void {
  let sweeping = false;
  const turn = async (): Promise<void> => {
    if (sweeping || !leads()) return;
    sweeping = true;
    try {
      await sweep();
    } catch (error) {
      log.warn({ err: error }, 'copies of credentials could not be swept; this is repeated');
    } finally {
      sweeping = false;
    }
  };
  const timer = setInterval(() => void turn(), SWEEP_INTERVAL);
  return () => clearInterval(timer);
}
