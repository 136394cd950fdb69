/**
 * Tells a change that somebody made in Proxmox VE from a change of the spec. Status keeps, part by part, the digest of the
 * settings that were applied. As long as a part is the same, whatever differs in it is drift. Pure.
 */
import { keyChanges } from './key-changes.ts';
import { keysOf, type PartOf } from './parts.ts';
import { limitedTo, nonEmpty } from '../../shared/guests/keys.ts';
import type { VirtualMachineInternal } from '../../../src/api/index.ts';
import type { AppliedParts, ConfigChange } from '../model/config.ts';
import type { Facts } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;
type Compared = Pick<AppliedParts, 'digests' | 'recorded'>;
type Recorded = NonNullable<VirtualMachineInternal['applied']>;

/** What a pass decided about the parts, and whether it may write. */
interface Judged extends Pick<Facts, 'want' | 'plan' | 'dryRun'> {
  readonly have: Pick<Observed, 'parts'>;
}

/** The part was applied as it is: somebody else made whatever differs in it. */
export const isApplied = (part: string, { digests, recorded }: Compared): boolean =>
  digests[part] !== undefined && recorded[part] === digests[part];

/** Whether a difference is reverted or only reported. */
export function judgeDrift(
  change: ConfigChange | undefined,
  guest: Guest,
  {
    partOf,
    policy,
    ...compared
  }: Compared & { readonly partOf: PartOf; readonly policy: Wanted['driftPolicy'] },
): Pick<Observed, 'change' | 'drift'> {
  if (!change) return { change };
  const isDrift = (key: string): boolean => isApplied(partOf(key), compared);
  const theirs = limitedTo(change, isDrift);
  const keys = keysOf(theirs);
  if (keys.length === 0) return { change };
  const reverted = policy === 'Revert';
  const summary = keyChanges(theirs, guest.config, 'back').join(', ');
  const ours = limitedTo(change, (key) => !isDrift(key));
  return { change: reverted ? change : nonEmpty(ours), drift: { summary, keys, reverted } };
}

/**
 * A part is about to be applied that was applied as something else before. That record must be removed first: if the spec
 * were set back half way, what is already done would be taken for drift.
 */
export const replacesAnother = (parts: AppliedParts | undefined): boolean =>
  Object.entries(parts?.recorded ?? {}).some(
    ([part, digest]) =>
      parts?.digests[part] !== digest && (parts?.digests[part] === undefined || parts.open.includes(part)),
  );

/**
 * `status.internal.applied` after the pass. A part that waits is not applied: otherwise it would be taken for somebody
 * else's change once it could be done.
 */
export function appliedAfter(before: Recorded | undefined, facts: Judged): Recorded | undefined {
  const { plan, have } = facts;
  if (have.parts === undefined) return before;
  const { digests, recorded, open } = have.parts;
  // An edit that is only looked at replaces nothing: once it is taken back, the guest has what was applied before.
  const kept = isWithheld(facts) ? recorded : {};
  const isDone = (part: string): boolean => plan.kind !== 'withheld' && !open.includes(part);
  const done = Object.entries(digests).filter(([part, digest]) => recorded[part] === digest || isDone(part));
  const applied = Object.entries({ ...Object.fromEntries(done), ...kept });
  return applied.length > 0
    ? applied.slice(0, MAX_PARTS).map(([part, digest]) => ({ part, digest }))
    : undefined;
}

/** Nothing is written to the guest, whatever its spec says. */
const isWithheld = ({ plan, want, dryRun }: Judged): boolean =>
  plan.kind === 'withheld' || dryRun !== undefined || (want.exists && want.restraint !== undefined);

// Limit of the schema of the status.
const MAX_PARTS = 192;

/** Changes by others that are not reverted: a sentence each. */
export const driftSentences = ({ drift, relocation }: Pick<Observed, 'drift' | 'relocation'>): string[] => [
  ...(drift && !drift.reverted
    ? [
        `Changed in Proxmox VE, not by the operator, and left so: ${drift.summary}. Undo it there, or set spec.driftPolicy to Revert.`,
      ]
    : []),
  ...(relocation?.strayed === undefined ? [] : [relocation.strayed]),
];
