/** What the state of the connection means for a Provider. */
import {
  certificatesIn,
  CredentialsError,
  PveError,
  quoted,
  type ClusterIdentity,
  type Credentials,
  type View,
} from '../../src/pve/index.ts';
import type { Provider, Reason } from '../../src/api/index.ts';
import { asSentence } from '../../src/lib/sentence.ts';
import { minutes, seconds } from '../../src/lib/units.ts';
import { settled, stalled, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import { printIdentity } from '../shared/cluster/identity.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import type { ClusterClient } from './cluster-client.ts';
import { granteeOf, loginOf, type MissingPrivileges } from './missing-privileges.ts';
import { insufficient } from './report.ts';
import type { Settings } from './settings.ts';

/** The inventory detects failures on its own; this is how soon a changed Secret is noticed. */
export const CHECK_INTERVAL = seconds(10);
/** Credentials that Proxmox VE refuses are likely being replaced. */
const CREDENTIALS_INTERVAL = seconds(5);

export const isUnauthenticated = (error: unknown): boolean =>
  error instanceof PveError && error.refusal === 'unauthenticated';

export function outcomeOf(
  client: ClusterClient,
  view: View,
  {
    credentials,
    missing,
  }: { readonly credentials: Credentials; readonly missing?: MissingPrivileges | undefined },
): Outcome {
  if (view.staleSince !== undefined) return unreachable(client.inventory.lastError, credentials);
  if (view.quorate === 'no')
    return waiting(
      Reasons.noQuorum,
      'The Proxmox VE cluster has no quorum: nothing can be changed until a majority of its nodes is online again.',
      CHECK_INTERVAL,
    );
  if (missing && missing.required.length > 0)
    return stalled(Reasons.missingPrivileges, insufficient(missing), CHECK_INTERVAL);
  return settled(CHECK_INTERVAL);
}

/** @param credentials that the request was sent with */
export function unreachable(error: unknown, credentials: Credentials): Outcome {
  if (error instanceof CredentialsError) return stalled('CredentialsInvalid', error.message, CHECK_INTERVAL);
  if (!(error instanceof PveError)) throw error;
  if (isUnauthenticated(error))
    return stalled(
      Reasons.authenticationFailed,
      `authentication failed: ${error.message} ${whereToLook(credentials)}`,
      CREDENTIALS_INTERVAL,
    );
  if (error.refusal === 'excessive')
    return stalled(
      Reasons.excessive,
      `${error.message} The operator reads it again after a pause of up to five minutes.`,
      CHECK_INTERVAL,
    );
  if (error.refusal === 'forbidden') return stalled(Reasons.missingPrivilege, error.message, minutes(1));
  return waiting(
    Reasons.unreachable,
    `failed to connect to Proxmox VE: ${error.noAnswer ?? error.message}`,
    CHECK_INTERVAL,
  );
}

/** Proxmox VE says of no login why it refused it. */
function whereToLook(credentials: Credentials): string {
  const { user, token } = granteeOf(credentials);
  return token === undefined
    ? `The user is ${user}: \`pveum user list\` on a node shows whether it exists and is enabled. A user with a second factor needs an API token.`
    : `The token is ${loginOf(credentials)}: \`pveum user token list ${quoted(user)}\` on a node shows whether it exists and when it expires.`;
}

/**
 * A CA that was cut off or altered on its way into the Secret is as good as none, and the server then looks untrusted.
 * Without one, fingerprints decide, or nothing is verified.
 */
export const whereCaIsRead = (
  outcome: Outcome,
  { ca, fingerprints, insecureSkipVerify }: Pick<Settings, 'ca' | 'fingerprints' | 'insecureSkipVerify'>,
): Outcome =>
  'reason' in outcome &&
  outcome.reason === Reasons.unreachable &&
  ca !== undefined &&
  fingerprints.length === 0 &&
  !insecureSkipVerify &&
  certificatesIn(ca).length === 0
    ? stalled(
        'CABundleInvalid',
        'No certificate in the CA bundle can be read: it was cut off or altered. Copy the whole of /etc/pve/pve-root-ca.pem of a node, with its line breaks.',
        CHECK_INTERVAL,
      )
    : outcome;

/** Another cluster answers than the one that the Provider was connected to. */
export const clusterChanged = (
  provider: Provider,
  { origin }: ClusterClient,
  found: ClusterIdentity,
): Outcome =>
  stalled(
    'ClusterChanged',
    `Another Proxmox VE cluster answers at ${origin} (${printIdentity(found)} instead of ${provider.status?.clusterID}). VMs of this Provider are not managed meanwhile, and none is released. ` +
      `If the endpoint is wrong, correct it; for another cluster, create another Provider. If it is the same cluster under a new name or address: ${forget(provider)}`,
    CHECK_INTERVAL,
  );

const forget = ({ metadata: { namespace, name } }: Provider): string =>
  `kubectl patch provider ${name} -n ${namespace} --subresource=status --type=json -p '[{"op":"remove","path":"/status/clusterID"}]'`;

/** Whoever deletes credentials, or no longer allows their use, ends what they are used for. A mistake in them does not. */
const WITHDRAWALS: ReadonlySet<string> = new Set<Reason>([
  Reasons.secretNotFound,
  Reasons.secretKeyNotFound,
  Reasons.notAllowed,
  Reasons.namespaceNotWatched,
  'CredentialsMissing',
  'CredentialsIncomplete',
]);

export const isWithdrawal = (problem: Outcome): boolean =>
  'reason' in problem && WITHDRAWALS.has(problem.reason);

/** The settings do not work, and those before them still do. */
export const withoutNewVms = (problem: Outcome): Outcome =>
  'message' in problem
    ? {
        ...problem,
        message: `${asSentence(problem.message)} No VM is created until this is corrected. VMs that exist are managed over the connection with the settings before.`,
      }
    : problem;
