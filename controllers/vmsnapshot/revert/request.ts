/**
 * What becomes of `spec.revert.requestedAt`: a time acts once, and only if it is new. Whoever applies an old manifest
 * again, restores a cluster or takes an edit back must never lose the state of a disk. Pure.
 */
import { minutes } from '../../../src/lib/units.ts';

const MAX_AGE = minutes(24 * 60);
/** Whoever asked for it may have a clock that is ahead by so much. */
const AHEAD = minutes(5);

export interface RequestInputs {
  /** RFC 3339, as in the spec. */
  readonly requestedAt: string | undefined;
  /** The latest time that was carried out or recorded. */
  readonly last: string | undefined;
  /** Times that were in the future when they were first seen. */
  readonly ignored: readonly string[];
  /** Epoch ms: when the snapshot was taken. Absent: it is not complete. */
  readonly takenAt: number | undefined;
  /** Epoch ms: since when status knows the snapshot, which is later than it was taken where status was lost. */
  readonly knownSince: number | undefined;
  /** Epoch ms. */
  readonly now: number;
}

export type JudgedRequest =
  /** There is none, it was dealt with, or the snapshot is not complete. */
  | { readonly kind: 'none' }
  | { readonly kind: 'run'; readonly requestedAt: string }
  /** It never acts. @see message why: a sentence */
  | { readonly kind: 'record'; readonly requestedAt: string; readonly message: string }
  | { readonly kind: 'ignore'; readonly requestedAt: string };

const NONE: JudgedRequest = { kind: 'none' };
/** What to do instead. */
export const HOW = 'To revert the VM, set spec.revert.requestedAt to the present time.';

export function judgeRequest(inputs: RequestInputs): JudgedRequest {
  const { requestedAt, last, ignored, takenAt, knownSince, now } = inputs;
  if (requestedAt === undefined || isPast(requestedAt, last) || isIgnored(requestedAt, ignored)) return NONE;
  const at = Date.parse(requestedAt);
  const record = (why: string): JudgedRequest => ({ kind: 'record', requestedAt, message: `${why} ${HOW}` });
  if (at > now + AHEAD) return { kind: 'ignore', requestedAt };
  if (now - at > MAX_AGE)
    return record('The time was more than 24 hours ago when it was first seen, so it was only recorded.');
  if (takenAt === undefined) return NONE;
  return at <= floor(takenAt, knownSince ?? 0)
    ? record('The time is not later than the snapshot, so it was only recorded.')
    : { kind: 'run', requestedAt };
}

/** Where status was lost, nothing says which times were carried out until then. */
const floor = (takenAt: number, knownSince: number): number =>
  knownSince > takenAt + AHEAD ? knownSince + AHEAD : takenAt;

/** Not later than one that was carried out or recorded. */
const isPast = (requestedAt: string, last: string | undefined): boolean =>
  last !== undefined && Date.parse(requestedAt) <= Date.parse(last);

const isIgnored = (requestedAt: string, ignored: readonly string[]): boolean =>
  ignored.some((each) => Date.parse(each) === Date.parse(requestedAt));

/** The request that was announced is no longer that of the spec, or has waited for too long: a sentence. */
export function withdrawn(
  { requestedAt, now }: Pick<RequestInputs, 'requestedAt' | 'now'>,
  announced: { readonly requestedAt: string; readonly at: string },
): string | undefined {
  if (requestedAt === undefined || Date.parse(requestedAt) !== Date.parse(announced.requestedAt))
    return 'spec.revert was changed before the revert began, so it was not carried out.';
  return now - Date.parse(announced.at) > MAX_AGE
    ? `The VM could not be reverted within 24 hours, so it no longer is. ${HOW}`
    : undefined;
}

/** Why the time in the spec has no effect, where nothing else says so: a sentence. */
export function noEffect({
  requestedAt,
  last,
  ignored,
}: Pick<RequestInputs, 'requestedAt' | 'last' | 'ignored'>): string | undefined {
  if (requestedAt === undefined) return undefined;
  if (isIgnored(requestedAt, ignored))
    return `spec.revert.requestedAt ${requestedAt} was in the future when it was first seen, so it has no effect, then or later. ${HOW}`;
  return last !== undefined && Date.parse(requestedAt) < Date.parse(last)
    ? `spec.revert.requestedAt ${requestedAt} has no effect, because it is not later than the last one, ${last}. ${HOW}`
    : undefined;
}

/** The oldest are forgotten first. */
export const ignoredAfter = (ignored: readonly string[], requestedAt: string): string[] =>
  [...ignored, requestedAt].slice(-MAX_IGNORED);

// Limit of the schema of the status.
const MAX_IGNORED = 32;
