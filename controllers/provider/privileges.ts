/**
 * Asks Proxmox VE what the credentials of a client may do, and when they expire: seldom while nothing is missing, each
 * minute until then.
 */
import { PveError, type Need, type Permissions, type Pve } from '../../src/pve/index.ts';
import { minutes, seconds, type Millis } from '../../src/lib/units.ts';
import { silence } from '../shared/cluster/connections.ts';
import type { ClusterClient } from './cluster-client.ts';
import { readExpiry, type Expiry } from './expiry.ts';
import { granteeOf, missingPrivilegesOf, type MissingPrivileges } from './missing-privileges.ts';
import type { Settings } from './settings.ts';

export interface PrivilegeWatch {
  /**
   * What the client's credentials lack, as far as it is known.
   * @param inUse what VMs need for their resource mappings, and VMImages for downloads: it may change while the credentials
   * stay as they are
   */
  missing(
    client: ClusterClient,
    needs: { readonly credentials: Settings['credentials']; readonly inUse: readonly Need[] },
    signal: AbortSignal,
  ): Promise<MissingPrivileges | undefined>;
  /** When the credentials of a client expire, as far as it was asked and answered. */
  expiry(client: { readonly pve: Pve }): Expiry | undefined;
}

const WHILE_COMPLETE = minutes(5);
/** A Provider has a pass every 10 s, so new privileges are noticed within a minute. */
const WHILE_INCOMPLETE = seconds(40);

interface Answer {
  readonly at: number;
  /** Absent: it was never answered. */
  readonly held: Held | undefined;
}

interface Held {
  readonly permissions: Permissions;
  readonly major: number;
}

/** @param now epoch ms */
export function createPrivilegeWatch(now: () => number): PrivilegeWatch {
  const answers = new WeakMap<ClusterClient, Answer>();
  const asking = new WeakMap<ClusterClient, Promise<Answer>>();
  const expiries = new WeakMap<Pve, Expiry | undefined>();

  const validFor = (at: number, lacks: MissingPrivileges | undefined, refusedAt = 0): Millis =>
    lacks?.commands.length === 0 && refusedAt <= at ? WHILE_COMPLETE : WHILE_INCOMPLETE;

  async function ask(
    client: ClusterClient,
    credentials: Settings['credentials'],
    signal: AbortSignal,
  ): Promise<Answer> {
    const at = now();
    let held = answers.get(client)?.held;
    try {
      const permissions = await client.pve.access.permissions({ signal });
      held = { permissions, major: client.versions.answering?.major ?? 0 };
      const expiry = await readExpiry(client.pve.access, { credentials, held: permissions, signal });
      expiries.set(client.pve, expiry);
    } catch (error) {
      // The inventory reports why the cluster cannot be read; what was known of the privileges stays.
      if (!(error instanceof PveError)) throw error;
    }
    const answer = { at, held };
    answers.set(client, answer);
    return answer;
  }

  const begin: typeof ask = (client, ...rest) => {
    const pending = ask(client, ...rest).finally(() => asking.delete(client));
    asking.set(client, pending);
    return pending;
  };

  return {
    async missing(client, { credentials, inUse }, signal) {
      const to = granteeOf(credentials);
      const lacksOf = ({ held }: Answer): MissingPrivileges | undefined =>
        held && missingPrivilegesOf(held.permissions, held.major, { to, inUse });
      const known = answers.get(client);
      if (known) {
        const lacks = lacksOf(known);
        const isFresh = now() - known.at < validFor(known.at, lacks, client.refusedAt);
        if (isFresh || silence(client) !== undefined) return lacks;
      }
      // Who asked first may have ended before the answer.
      for (let pending = asking.get(client); pending; pending = asking.get(client)) {
        const shared = await pending.catch(() => undefined);
        if (shared) return lacksOf(shared);
      }
      return lacksOf(await begin(client, credentials, signal));
    },
    expiry: ({ pve }) => expiries.get(pve),
  };
}
