/**
 * Tells a change that somebody made in Proxmox VE from a change of the spec. Status keeps the digest of the settings
 * that were applied last. As long as the settings are the same, whatever differs is drift. Pure.
 */
import { keyChanges } from './key-changes.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** Whether a difference is reverted or only reported. */
export function judgeDrift(
  change: ConfigChange | undefined,
  guest: Guest,
  {
    digest,
    applied,
    policy,
  }: {
    readonly digest: string;
    readonly applied: string | undefined;
    readonly policy: Wanted['driftPolicy'];
  },
): Pick<Observed, 'change' | 'drift'> & { readonly digests: SpecDigests } {
  const digests = { digest, applied };
  if (!change || !isApplied(digests)) return { change, digests };
  const reverted = policy === 'Revert';
  const summary = keyChanges(change, guest.config, 'back').join(', ');
  const keys = [...Object.keys(change.set), ...change.delete];
  return { change: reverted ? change : undefined, drift: { summary, keys, reverted }, digests };
}

type SpecDigests = NonNullable<Observed['digests']>;

/** The settings are those that were applied last: somebody else made whatever differs. */
export const isApplied = ({ digest, applied }: SpecDigests): boolean => applied === digest;

/** Other settings were applied before. Their digest must be removed first: if the spec were set back half way, the part already done would be taken for drift. */
export const replacesAnother = (digests: SpecDigests | undefined): boolean =>
  digests?.applied !== undefined && !isApplied(digests);

/**
 * As `status.internal.appliedDigest` is after the pass. As long as a part of the settings waits they are not applied:
 * otherwise that part would be taken for somebody else's change once it could be done.
 */
export function appliedAfter(
  before: string | undefined,
  {
    plan,
    have: { digests, change, drives, drift, disks, nicsNotApplied },
  }: { readonly plan: Plan; readonly have: Observed },
): string | undefined {
  if (digests === undefined) return before;
  const waits = (disks?.waits.length ?? 0) > 0 || drives !== undefined || nicsNotApplied !== undefined;
  if (plan.kind === 'steady' && !waits && change === undefined && drift === undefined) return digests.digest;
  return isApplied(digests) ? digests.digest : undefined;
}

/** Changes by others that are not reverted: a sentence each. */
export const driftSentences = ({ drift, relocation }: Pick<Observed, 'drift' | 'relocation'>): string[] => [
  ...(drift && !drift.reverted
    ? [
        `Changed in Proxmox VE, not by the operator, and left so: ${drift.summary}. Undo it there, or set spec.driftPolicy to Revert.`,
      ]
    : []),
  ...(relocation?.strayed === undefined ? [] : [relocation.strayed]),
];
