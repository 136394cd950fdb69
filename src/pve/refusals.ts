/** PVE answers most failures with status 500; only the message tells them apart. This file alone interprets messages. */

/** What a refusal means for the caller. */
export type Refusal =
  /** An object does not exist; `absent` says which kind. */
  | 'notFound'
  /** Another operation holds the lock of the object. */
  | 'locked'
  /** The configuration changed since it was read: the digest does not match. */
  | 'stale'
  /** The name or number is in use. */
  | 'exists'
  /** PVE never accepts this request as it is. */
  | 'invalid'
  | 'forbidden'
  | 'unauthenticated'
  /** No answer, and nothing was changed. */
  | 'unavailable'
  /** The answer has more than the operator reads. */
  | 'excessive'
  /** The answer to a change was lost: PVE may or may not have made the change. */
  | 'unknownOutcome'
  /** The cluster has no quorum: its configuration is read-only. */
  | 'noQuorum'
  | 'unknown';

export type ObjectKind = 'guest' | 'node' | 'storage' | 'volume' | 'disk' | 'snapshot' | 'task';

export interface Classification {
  readonly refusal: Refusal;
  readonly absent?: ObjectKind;
}

type Phrase = readonly [pattern: RegExp, refusal: Refusal, absent?: ObjectKind];

// The first matching phrase decides.
const PHRASES: readonly Phrase[] = [
  [/no quorum|cluster not ready/i, 'noQuorum'],
  // Without quorum /etc/pve is read-only.
  [/unable to open file '\/etc\/pve\/[^']*' - Permission denied/, 'noQuorum'],
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

// Parameter errors that describe the state of the cluster rather than a mistake in the request.
const FIELD_PHRASES: readonly (readonly [field: string, ...Phrase])[] = [
  ['upid', /no such task/i, 'notFound', 'task'],
  ['vmid', /already exists/i, 'exists'],
  ['newid', /already exists/i, 'exists'],
  ['storage', /no such storage/i, 'notFound', 'storage'],
];

const classification = (refusal: Refusal, absent: ObjectKind | undefined): Classification =>
  absent === undefined ? { refusal } : { refusal, absent };

const classifyText = (text: string): Classification | undefined => {
  const phrase = PHRASES.find(([pattern]) => pattern.test(text));
  return phrase && classification(phrase[1], phrase[2]);
};

/** What the exit status of a task means, as far as its text says. */
export const refusalIn = (exitStatus: string): Refusal | undefined => classifyText(exitStatus)?.refusal;

const classifyFields = (fields: Readonly<Record<string, string>>): Classification | undefined => {
  const phrase = FIELD_PHRASES.find(([field, pattern]) => pattern.test(fields[field] ?? ''));
  return phrase && classification(phrase[2], phrase[3]);
};

/** The parts of PVE's answer that classify it. */
export interface RefusalText {
  readonly status: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

const isGatewayStatus = (status: number): boolean =>
  (status >= 502 && status <= 504) || (status >= 595 && status <= 599);

/**
 * Classifies an unsuccessful answer.
 * @param harmless - the call changes nothing, so that a lost answer does not matter
 */
export function classify(answer: RefusalText, harmless: boolean): Classification {
  const { status } = answer;
  if (isGatewayStatus(status)) return { refusal: harmless ? 'unavailable' : 'unknownOutcome' };
  if (status === 401) return { refusal: 'unauthenticated' };
  if (status === 403) return { refusal: 'forbidden' };
  const known = classifyFields(answer.fields) ?? classifyText(answer.text);
  if (known) return known;
  if (status === 400 || status === 501 || status === 506) return { refusal: 'invalid' };
  // The API itself never answers 404: another server listens at the endpoint.
  return { refusal: status >= 300 && status < 500 ? 'invalid' : 'unknown' };
}

export interface MissingPrivilege {
  readonly path: string;
  /** Any one of them is enough. */
  readonly privileges: readonly string[];
}

/** Parses `Permission check failed (/vms/100, VM.Config.Disk|VM.Config.CDROM)`; `undefined` if PVE gives no detail. */
export function missingPrivilege(text: string): MissingPrivilege | undefined {
  const [, path, privileges] = /\((\/[^,()]*), ([\w.|]+)\)/.exec(text) ?? [];
  return path && privileges ? { path, privileges: privileges.split('|') } : undefined;
}

/** Why the guest agent does not answer; `undefined` if the text says something else. */
export function agentStateIn(text: string): 'silent' | 'notConfigured' | 'stopped' | undefined {
  if (/No QEMU guest agent configured/i.test(text)) return 'notConfigured';
  if (/VM \d+ is not running/i.test(text)) return 'stopped';
  if (/guest agent is not running|'guest-[\w-]+' failed|got timeout/i.test(text)) return 'silent';
  return undefined;
}
