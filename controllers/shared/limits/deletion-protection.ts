/**
 * `spec.deletionProtection` of a Provider: if many of its VMs are deleted at once, no guest is touched until somebody
 * confirms it. Pure, except for the log of what was let through.
 */
import {
  CONFIRM_DELETIONS,
  FORCE_DELETE,
  type Provider,
  type VirtualMachine,
} from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { minutes, seconds } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { deletionPolicyOf } from '../objects/deletion-policy.ts';
import { mayHaveGuest } from '../objects/may-have-guest.ts';

const WINDOW = minutes(1);
/** A deletion is let through some time after it was requested. */
const KEPT = minutes(2);
/** Before a guest is touched, so that it is known how many are deleted. Timestamps are in whole seconds. */
const PAUSE = seconds(5);
/** Whoever confirms may have a clock that is ahead by so much. */
const AHEAD = minutes(5);

/** A deletion that stops or destroys a guest. */
export interface Deletion {
  readonly uid: string;
  /** Epoch ms: when it was requested. */
  readonly at: number;
}

export function deletionOf(vm: Readable<VirtualMachine>): Deletion | undefined {
  const { uid, deletionTimestamp, annotations } = vm.metadata;
  const isKept = deletionPolicyOf(vm) === 'Retain' || vm.spec.managementPolicy === 'ObserveOnly';
  if (deletionTimestamp === undefined || isKept || !mayHaveGuest(vm)) return undefined;
  return annotations[FORCE_DELETE] === 'true' ? undefined : { uid, at: Date.parse(deletionTimestamp) };
}

/**
 * Deletions that were let through, for a while: their objects may be gone. What it forgets when the process ends is at
 * most one minute's worth of deletions, which were allowed.
 */
export interface DeletionLog {
  readonly allow: (provider: string, deletion: Deletion) => void;
  readonly recent: (provider: string) => readonly Deletion[];
}

/** @param now epoch ms */
export function createDeletionLog(now: () => number): DeletionLog {
  const allowed = new Map<string, Map<string, number>>();

  function recentOf(provider: string): Map<string, number> {
    const known = allowed.get(provider) ?? new Map<string, number>();
    for (const [uid, at] of known) if (at < now() - KEPT) known.delete(uid);
    return known;
  }

  return {
    allow(provider, { uid, at }) {
      allowed.set(provider, recentOf(provider).set(uid, at));
    },
    recent: (provider) => [...recentOf(provider)].map(([uid, at]) => ({ uid, at })),
  };
}

export interface DeletionInputs {
  readonly provider: Pick<Readable<Provider>, 'metadata' | 'spec' | 'status'>;
  /** VMs of the Provider. */
  readonly vms: readonly Readable<VirtualMachine>[];
  readonly log: Pick<DeletionLog, 'recent'>;
  /** Epoch ms. */
  readonly now: number;
}

export interface HeldDeletions {
  readonly maxPerMinute: number;
  /** A time in the annotation that confirms none of them: a sentence. */
  readonly confirmation?: string;
  /** Deletions that wait. */
  readonly waiting: readonly Deletion[];
}

/** The deletions that have to be confirmed; `undefined`: none. */
export function heldDeletions({ provider, vms, log, now }: DeletionInputs): HeldDeletions | undefined {
  const maxPerMinute = provider.spec.deletionProtection?.maxPerMinute;
  if (maxPerMinute === undefined) return undefined;
  const confirmed = confirmedUntil(provider, now);
  const isUnconfirmed = ({ at }: Deletion): boolean => at > confirmed;
  const waiting = vms.flatMap((vm) => deletionOf(vm) ?? []).filter(isUnconfirmed);
  if (waiting.length === 0) return undefined;
  const isHeld = provider.status?.deletionsHeldSince !== undefined;
  const known = new Set(waiting.map(({ uid }) => uid));
  const gone = log.recent(keyOf(provider)).filter((each) => isUnconfirmed(each) && !known.has(each.uid));
  return isHeld || areTooMany([...waiting, ...gone], maxPerMinute)
    ? { maxPerMinute, waiting, ...confirmationOf(provider, now) }
    : undefined;
}

/** Whoever confirmed, and sees no effect, should learn why. */
function confirmationOf(
  { metadata }: Pick<Provider, 'metadata'>,
  now: number,
): Pick<HeldDeletions, 'confirmation'> {
  const text = metadata.annotations[CONFIRM_DELETIONS];
  if (text === undefined) return {};
  return {
    confirmation: Number.isFinite(confirmedUntil({ metadata }, now))
      ? `The confirmation of ${text} is for deletions that were requested until then.`
      : `The confirmation "${text}" confirms nothing, because it is not a time, or one in the future.`,
  };
}

const keyOf = ({ metadata }: Pick<Provider, 'metadata'>): string => `${metadata.namespace}/${metadata.name}`;

/** Deletions that were requested until then are confirmed: epoch ms. */
function confirmedUntil({ metadata }: Pick<Provider, 'metadata'>, now: number): number {
  const at = Date.parse(metadata.annotations[CONFIRM_DELETIONS] ?? '');
  return Number.isNaN(at) || at > now + AHEAD ? -Infinity : at;
}

/** More than so many within a minute. */
function areTooMany(deletions: readonly Deletion[], max: number): boolean {
  const times = deletions.map(({ at }) => at).toSorted((a, b) => a - b);
  return times.some((at, n) => at - (times[n - max] ?? -Infinity) <= WINDOW);
}

export type Hold =
  /** It has just been requested: others may follow at once. */
  | { readonly because: 'recent'; readonly forMs: number }
  | { readonly because: 'tooMany'; readonly maxPerMinute: number; readonly confirmation?: string };

/** Why a deletion waits; `undefined`: it goes on, and is counted among the recent ones. */
export function holdOf(
  vm: VirtualMachine,
  inputs: Omit<DeletionInputs, 'log'> & { readonly log: DeletionLog },
): Hold | undefined {
  const deletion = deletionOf(vm);
  if (!deletion || inputs.provider.spec.deletionProtection === undefined) return undefined;
  const held = heldDeletions(inputs);
  if (held?.waiting.some(({ uid }) => uid === deletion.uid))
    return {
      because: 'tooMany',
      maxPerMinute: held.maxPerMinute,
      ...omitUndefined({ confirmation: held.confirmation }),
    };
  const age = inputs.now - deletion.at;
  // The clocks of the API server and the operator may differ, by minutes at most.
  if (age < PAUSE && age + AHEAD > 0) return { because: 'recent', forMs: Math.min(PAUSE - age, 2 * PAUSE) };
  inputs.log.allow(keyOf(inputs.provider), deletion);
  return undefined;
}
