/** PVE answers most failures with 500 and tells them apart in prose only. This is the one place that knows the prose. */

/** What a refusal means for the caller. */
export type Refusal =
  /** The object of the call is not there; `absent` says which kind of object. */
  | 'notFound'
  /** Something else is at work on the object. */
  | 'locked'
  /** The configuration changed since it was read: the digest does not fit. */
  | 'stale'
  /** The name or number is taken. */
  | 'exists'
  /** PVE will never accept this request as it stands. */
  | 'invalid'
  | 'forbidden'
  | 'unauthenticated'
  /** No answer, and certainly nothing was changed. */
  | 'unavailable'
  /** The answer to a change was lost: it may have happened or not. */
  | 'unknownOutcome'
  /** The cluster has no quorum: PVE's configuration is read-only. */
  | 'noQuorum'
  | 'unknown';

export type ObjectKind = 'guest' | 'node' | 'storage' | 'volume' | 'disk' | 'snapshot' | 'task';

export interface Meaning {
  readonly refusal: Refusal;
  readonly absent?: ObjectKind;
}

type Phrase = readonly [pattern: RegExp, refusal: Refusal, absent?: ObjectKind];

// The order counts: the first fitting phrase decides.
const PHRASES: readonly Phrase[] = [
  [/no quorum|cluster not ready/i, 'noQuorum'],
  [/VM is locked \(|can't lock file|obtain guest migration lock|got lock request timeout/i, 'locked'],
  [/detected modified configuration|checksum mismatch(?!: got)/i, 'stale'],
  [/already exists|File exists/, 'exists'],
  [/configuration file '[^']*' does not exist/i, 'notFound', 'guest'],
  [/unable to find configuration file for (VM|CT)|no such (VM|guest)\b/i, 'notFound', 'guest'],
  [/no such cluster node|hostname lookup '[^']*' failed/i, 'notFound', 'node'],
  [/storage '[^']*' does not exist/i, 'notFound', 'storage'],
  [/volume '[^']*' does not exist/i, 'notFound', 'volume'],
  [/disk '[^']*' does not exist/i, 'notFound', 'disk'],
  [/snapshot '[^']*' does not exist/i, 'notFound', 'snapshot'],
  [/^only root /i, 'forbidden'],
  [/linked clone|shrinking disks is not supported|invalid bootorder/i, 'invalid'],
  [/does not support '[^']*' content|validation error|no options specified/i, 'invalid'],
  [/protection mode enabled|can't clone VM to node|can't resize a cdrom/i, 'invalid'],
];

// Refused parameters that tell of the world rather than of the request.
const FIELD_PHRASES: readonly (readonly [field: string, ...Phrase])[] = [
  ['upid', /no such task/i, 'notFound', 'task'],
  ['vmid', /already exists/i, 'exists'],
  ['newid', /already exists/i, 'exists'],
  ['storage', /no such storage/i, 'notFound', 'storage'],
];

const meaning = (refusal: Refusal, absent: ObjectKind | undefined): Meaning =>
  absent === undefined ? { refusal } : { refusal, absent };

const meaningOfText = (text: string): Meaning | undefined => {
  const phrase = PHRASES.find(([pattern]) => pattern.test(text));
  return phrase && meaning(phrase[1], phrase[2]);
};

const meaningOfFields = (fields: Readonly<Record<string, string>>): Meaning | undefined => {
  const phrase = FIELD_PHRASES.find(([field, pattern]) => pattern.test(fields[field] ?? ''));
  return phrase && meaning(phrase[2], phrase[3]);
};

/** What PVE said, as far as it matters here. */
export interface Said {
  readonly status: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

const isGatewayStatus = (status: number): boolean =>
  (status >= 502 && status <= 504) || (status >= 595 && status <= 599);

/**
 * Classifies an answer that is not a success.
 * @param harmless - the call changes nothing, so that its loss leaves no doubt
 */
export function meaningOf(said: Said, harmless: boolean): Meaning {
  const { status } = said;
  if (isGatewayStatus(status)) return { refusal: harmless ? 'unavailable' : 'unknownOutcome' };
  if (status === 401) return { refusal: 'unauthenticated' };
  if (status === 403) return { refusal: 'forbidden' };
  const known = meaningOfFields(said.fields) ?? meaningOfText(said.text);
  if (known) return known;
  if (status === 400 || status === 501 || status === 506) return { refusal: 'invalid' };
  // 404 is no answer of the API itself: something else listens there.
  return { refusal: status >= 300 && status < 500 ? 'invalid' : 'unknown' };
}

export interface MissingPrivilege {
  readonly path: string;
  /** Any one of them would do. */
  readonly privileges: readonly string[];
}

/** From `Permission check failed (/vms/100, VM.Config.Disk|VM.Config.CDROM)`; `undefined` where PVE gives no detail. */
export function missingPrivilege(text: string): MissingPrivilege | undefined {
  const [, path, privileges] = /\((\/[^,()]*), ([\w.|]+)\)/.exec(text) ?? [];
  return path && privileges ? { path, privileges: privileges.split('|') } : undefined;
}

/** Why a guest agent does not answer; `undefined` if the text says something else. */
export function agentSilence(text: string): 'silent' | 'notConfigured' | 'stopped' | undefined {
  if (/No QEMU guest agent configured/i.test(text)) return 'notConfigured';
  if (/VM \d+ is not running/i.test(text)) return 'stopped';
  if (/guest agent is not running|'guest-[\w-]+' failed|got timeout|^Agent error/i.test(text))
    return 'silent';
  return undefined;
}
