/**
 * Tells what was changed in Proxmox VE by somebody else from what the wish changed: the digest of the wish that was
 * last brought about is kept in status. While the wish is the same, whatever differs is drift. Pure.
 */
import { sha256Hex } from '../../../src/lib/hash.ts';
import { keyChanges } from './key-changes.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';
import { cpusOf, inForce, type CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** Equal for wishes that make the same configuration of this guest. What Secrets say does not go into it. */
export function specDigest(want: Wanted, guest: Guest, room: CpuRoom): string {
  const {
    exists: _exists,
    owner: _owner,
    graceSeconds: _grace,
    power: _power,
    creation: _creation,
    cloudInit: _cloudInit,
    restart: _restart,
    driftPolicy: _driftPolicy,
    restraint: _restraint,
    host: _host,
    adopt: _adopt,
    hooks: _hooks,
    ...settings
  } = want;
  return sha256Hex(JSON.stringify([settings, reachableCpus(want.cpus, guest, room)], sorted)).slice(0, 16);
}

/** What of the wish can be had now changes with a restart, or on another node, without anybody's doing. */
function reachableCpus(cpus: number, guest: Guest, { nodeCpus }: CpuRoom): unknown {
  const planned = cpusOf(guest.config).ceiling;
  const running = cpusOf(inForce(guest)).ceiling;
  const held = guest.running && running < cpus && planned >= cpus;
  return { cpus: held ? running : cpus, fits: planned <= nodeCpus };
}

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Whether what differs is brought in line or only told. */
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
  const told = keyChanges(change, guest.config, 'back').join(', ');
  const keys = [...Object.keys(change.set), ...change.delete];
  return { change: reverted ? change : undefined, drift: { told, keys, reverted }, digests };
}

type SpecDigests = NonNullable<Observed['digests']>;

/** The wish is the one that was brought about last: whatever differs is somebody else's doing. */
export const isApplied = ({ digest, applied }: SpecDigests): boolean => applied === digest;

/** Another wish was brought about before. It must be forgotten first: were it to come back half way, what is half done would be taken for somebody's doing. */
export const replacesAnother = (digests: SpecDigests | undefined): boolean =>
  digests?.applied !== undefined && !isApplied(digests);

/** As `status.internal.appliedDigest` is after the pass. */
export function appliedAfter(
  before: string | undefined,
  { plan, have: { digests, change, drift } }: { readonly plan: Plan; readonly have: Observed },
): string | undefined {
  if (digests === undefined) return before;
  if (plan.kind === 'steady' && change === undefined && drift === undefined) return digests.digest;
  return before === digests.digest ? before : undefined;
}

/** What is left as somebody else made it. */
export const driftSentences = ({ drift, relocation }: Pick<Observed, 'drift' | 'relocation'>): string[] => [
  ...(drift && !drift.reverted
    ? [
        `Changed in Proxmox VE, not by the operator, and left so: ${drift.told}. Undo it there, or set spec.driftPolicy to Revert.`,
      ]
    : []),
  ...(relocation?.strayed === undefined ? [] : [relocation.strayed]),
];
