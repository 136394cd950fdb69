/** Asks Proxmox VE what a line's credentials may do: seldom while all is well, each minute until it is. */
import { PveError } from '../../src/pve/index.ts';
import { minutes, seconds, type Millis } from '../../src/lib/units.ts';
import type { ClusterClient } from './connect.ts';
import { granteeOf, missingPrivilegesOf, type MissingPrivileges } from './missing-privileges.ts';
import type { Settings } from './settings.ts';

export interface PrivilegeWatch {
  /** What the line's credentials lack, as far as it is known. */
  lacks(
    client: ClusterClient,
    credentials: Settings['credentials'],
    signal: AbortSignal,
  ): Promise<MissingPrivileges | undefined>;
}

export interface PrivilegeWatchOptions {
  /** Epoch ms. */
  readonly now: () => number;
  /** When Proxmox VE last refused anyone anything for want of a privilege, in epoch ms. */
  readonly refusedAt: () => number | undefined;
}

const WHILE_COMPLETE = minutes(5);
/** A Provider has a pass every 10 s: so what is granted shows within a minute. */
const WHILE_INCOMPLETE = seconds(40);

interface Answer {
  readonly at: number;
  readonly lacks: MissingPrivileges | undefined;
}

export function createPrivilegeWatch({ now, refusedAt }: PrivilegeWatchOptions): PrivilegeWatch {
  const answers = new WeakMap<ClusterClient, Answer>();

  const validFor = ({ at, lacks }: Answer): Millis =>
    lacks?.commands.length === 0 && (refusedAt() ?? 0) <= at ? WHILE_COMPLETE : WHILE_INCOMPLETE;

  return {
    async lacks(client, credentials, signal) {
      const known = answers.get(client);
      const at = now();
      if (known && at - known.at < validFor(known)) return known.lacks;
      let lacks = known?.lacks;
      try {
        const held = await client.pve.access.permissions({ signal });
        lacks = missingPrivilegesOf(held, client.version?.major ?? 0, granteeOf(credentials));
      } catch (error) {
        // The line's trouble is told by the inventory; what was known of its privileges stays.
        if (!(error instanceof PveError)) throw error;
      }
      answers.set(client, { at, lacks });
      return lacks;
    },
  };
}
