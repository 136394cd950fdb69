/** Errors of calls to PVE: a message for users and a classification for the callers. */
import { readable } from '../lib/readable.ts';
import { MiB } from '../lib/units.ts';
import { budgetOf } from './budgets.ts';
import { OtherClusterError } from './cluster-identity.ts';
import { ADVICE, adviceOn } from './advice.ts';
import type { Method, Need } from './endpoint.ts';
import { NO_ROOM, ONLY_INTERIM, TOO_LARGE } from './exchange.ts';
import { FingerprintMismatch } from './fingerprint.ts';
import { printLifetime, type Unsupported } from './versions.ts';
import {
  classify,
  missingPrivilege,
  type MissingPrivilege,
  type ObjectKind,
  type Refusal,
} from './refusals.ts';

interface Facts {
  readonly refusal: Refusal;
  readonly method: Method;
  /** The endpoint's path template. */
  readonly route: string;
  /** An HTTP status, or the code of a failed connection such as `ECONNREFUSED` or `timeout`. */
  readonly code: string;
  readonly message: string;
  readonly absent?: ObjectKind | undefined;
  readonly missing?: MissingPrivilege | undefined;
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly pveMessage?: string | undefined;
  readonly noAnswer?: string | undefined;
  readonly cause?: unknown;
}

/** A failed call to PVE. Callers branch on `refusal`; the message contains no secrets. */
export class PveError extends Error {
  override readonly name = 'PveError';
  readonly refusal: Refusal;
  readonly method: Method;
  readonly route: string;
  readonly code: string;
  /** With `notFound`: the kind of the missing object. Only `guest` means that the VM itself is not on its node. */
  readonly absent: ObjectKind | undefined;
  /** With `forbidden`, if PVE names the privilege. */
  readonly missing: MissingPrivilege | undefined;
  /** PVE's error message for each parameter. */
  readonly fields: Readonly<Record<string, string>>;
  /** PVE's message alone. */
  readonly pveMessage: string;
  /** Without an answer: why, and what to do. */
  readonly noAnswer: string | undefined;

  constructor(facts: Facts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.refusal = facts.refusal;
    this.method = facts.method;
    this.route = facts.route;
    this.code = facts.code;
    this.absent = facts.absent;
    this.missing = facts.missing;
    this.fields = facts.fields ?? {};
    this.pveMessage = facts.pveMessage ?? '';
    this.noAnswer = facts.noAnswer;
  }
}

/** The failed call. */
export interface Call {
  readonly method: Method;
  readonly route: string;
  /** The path for messages. */
  readonly path: string;
  /** The call changes nothing, so that a lost answer does not matter. */
  readonly harmless: boolean;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  /** Privileges that the call may need, with paths for messages. */
  readonly needs?: readonly Pick<Need, 'path' | 'anyOf'>[];
}

const SECRET_FIELDS = /pass|secret|sshkeys|token|ticket|command/i;
const MAX_TEXT = 700;

/** One line of bounded length. */
const singleLine = (text: string): string => readable(text, MAX_TEXT);

const withoutSecretValues = (
  fields: Readonly<Record<string, string>>,
  redact: Call['redact'],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).map(([field, text]) => [
      field,
      // PVE's message quotes the rejected value.
      SECRET_FIELDS.test(field)
        ? 'was rejected (not shown, because the message may contain a secret)'
        : singleLine(redact(text)),
    ]),
  );

export interface RefusedAnswer {
  readonly status: number;
  readonly reason: string;
  readonly message: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

/** Creates the error for an unsuccessful answer. */
export function refusalError(call: Call, answer: RefusedAnswer): PveError {
  const text = singleLine(call.redact(answer.message ?? answer.reason));
  const { refusal, absent } = classify({ ...answer, text }, call.harmless);
  const fields = withoutSecretValues(answer.fields, call.redact);
  const details = Object.entries(fields).map(([field, complaint]) => `${field}: ${complaint}`);
  const pveMessage = singleLine([text, ...details].filter((part) => part !== '').join(' '));
  const advice = adviceOn({ refusal, status: answer.status, text }, call.needs);
  return new PveError({
    refusal,
    absent,
    fields,
    pveMessage,
    method: call.method,
    route: call.route,
    code: String(answer.status),
    missing: refusal === 'forbidden' ? missingPrivilege(text) : undefined,
    message: [
      `Proxmox VE answered ${call.method} ${call.path} with ${answer.status}${pveMessage === '' ? '' : `: ${pveMessage}`}`,
      advice,
    ]
      .filter((part) => part !== undefined)
      .map((part) => (/[.!?]$/.test(part) ? part : `${part}.`))
      .join(' '),
  });
}

const NO_TLS = 'the endpoint does not use TLS; check whether it is an http address';

const CONNECTION_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at the endpoint',
  ENOTFOUND: 'the host name of the endpoint does not exist',
  EAI_AGAIN: 'the host name of the endpoint could not be resolved',
  EHOSTUNREACH: 'the endpoint is not reachable from here',
  ENETUNREACH: 'the endpoint is not reachable from here',
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  UND_ERR_CONNECT_TIMEOUT: 'the endpoint does not answer',
  timeout: 'no answer came in time',
  UND_ERR_SOCKET: 'the connection was closed before the answer came',
  ECONNRESET: 'the connection was reset before the answer came',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the host name of the endpoint is not in its certificate; use a name that is, or add its fingerprint to spec.tls.fingerprints',
  [ONLY_INTERIM]: 'it announces an answer again and again and gives none',
  [NO_ROOM]:
    'the answers that are being read are larger together than the operator reads at a time; it reads again when there is room',
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it on the node',
};

const UNTRUSTED =
  'its certificate is not signed by a trusted CA; add its CA (on a node: /etc/pve/pve-root-ca.pem) as ca.crt to the Secret, or add its fingerprint to spec.tls.fingerprints';

const UNTRUSTED_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Of a request that was not sent, because no slot became free in its lane. */
const CROWDED = 'crowded';

/** The server does not answer. Asking again at once would only take as long again. */
const SILENT_CODES = new Set(['timeout', 'UND_ERR_CONNECT_TIMEOUT', CROWDED]);

/** Whether a retry would fail in the same way. */
export const isPersistent = (code: string): boolean =>
  SILENT_CODES.has(code) ||
  code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
  code === 'CERT_HAS_EXPIRED' ||
  code === TOO_LARGE ||
  code === NO_ROOM ||
  code === ONLY_INTERIM ||
  code === 'UND_ERR_CLOSED' ||
  code === 'UND_ERR_DESTROYED' ||
  code === FingerprintMismatch.code ||
  code === OtherClusterError.code ||
  UNTRUSTED_CODES.has(code);

function adviceOnConnection({ code, cause }: Pick<NoAnswer, 'code' | 'cause'>): string {
  if (cause instanceof FingerprintMismatch || cause instanceof OtherClusterError) return cause.message;
  return UNTRUSTED_CODES.has(code) ? UNTRUSTED : (CONNECTION_ADVICE[code] ?? code);
}

const CHECK_ENDPOINT =
  'Check the endpoint, and that the API service (pveproxy) runs there and can be reached from the operator.';

/** It is about the certificate, not about the way. */
const hasOwnRemedy = (code: string): boolean => !SILENT_CODES.has(code) && isPersistent(code);

interface NoAnswer {
  readonly code: string;
  readonly sent: boolean;
  readonly cause?: unknown;
  /** The failures by endpoint, if there are several. */
  readonly tried?: readonly { readonly origin: string; readonly failure: NoAnswer }[];
}

/** Creates the error for a call without an answer. `sent`: at least a part of the request may have reached PVE. */
export function noAnswerError(call: Call, failure: NoAnswer): PveError {
  const { code, sent, tried = [] } = failure;
  if (code === TOO_LARGE)
    return excessiveError(
      call,
      `more than ${printSize(budgetOf({ method: call.method, path: call.route }).bytes)}`,
    );
  const refusal: Refusal = sent && !call.harmless ? 'unknownOutcome' : 'unavailable';
  const why =
    tried.length === 0
      ? adviceOnConnection(failure)
      : tried.map((each) => `${each.origin}: ${adviceOnConnection(each.failure)}`).join('; ');
  const doubt = refusal === 'unknownOutcome' ? ` ${ADVICE.unknownOutcome ?? ''}` : '';
  return new PveError({
    refusal,
    method: call.method,
    route: call.route,
    code,
    cause: failure.cause,
    message: `Proxmox VE did not answer ${call.method} ${call.path}: ${why}.${doubt}`,
    noAnswer: (tried.length === 0 ? [failure] : tried.map((each) => each.failure)).every((each) =>
      hasOwnRemedy(each.code),
    )
      ? `${why}.`
      : `${why}. ${CHECK_ENDPOINT}`,
  });
}

/** Creates the error for a successful answer that does not match the endpoint's schema. */
export const unreadableError = (call: Call, why: string): PveError =>
  new PveError({
    refusal: call.harmless ? 'unknown' : 'unknownOutcome',
    method: call.method,
    route: call.route,
    code: 'unreadable',
    message: `The answer to ${call.method} ${call.path} cannot be parsed (${singleLine(call.redact(why))}). Check whether the endpoint is a Proxmox VE API.`,
  });

const printSize = (bytes: number): string => (bytes < MiB ? `${bytes / 1024} KiB` : `${bytes / MiB} MiB`);

/** Creates the error for an answer with more than the operator reads. @param excess for example `more than 32 levels` */
export const excessiveError = (call: Call, excess: string): PveError =>
  new PveError({
    refusal: call.harmless ? 'excessive' : 'unknownOutcome',
    method: call.method,
    route: call.route,
    code: 'excessive',
    message:
      `The answer to ${call.method} ${call.path} has ${excess}, which is more than the operator reads. ` +
      'Check whether the endpoint is a Proxmox VE API. If it is, restrict what the credentials may see, for example to a pool.',
  });

/** Creates the error for lists of a cluster that cannot be kept beside those of the others. */
export const noRoomForViewError = (): PveError =>
  new PveError({
    refusal: 'excessive',
    method: 'GET',
    route: '/cluster/resources',
    code: 'excessive',
    message:
      'The list of guests, nodes and storages does not fit into the memory that the operator has for those of all Providers. ' +
      'Restrict what the credentials may see, for example to a pool, or remove Providers that are not needed.',
  });

/** Creates the error for a request that is invalid and was not sent. */
export const unsendableError = (call: Call, why: string): PveError =>
  new PveError({
    refusal: 'invalid',
    method: call.method,
    route: call.route,
    code: 'unsendable',
    message: `${call.method} ${call.path} was not sent to Proxmox VE: ${singleLine(call.redact(why))}.`,
  });

/** The text has no figures: it is reported, and each other figure would be another status write. */
export const outdatedError = (call: Call): PveError =>
  new PveError({
    refusal: 'stale',
    method: call.method,
    route: call.route,
    code: 'outdated',
    message: `${call.method} ${call.path} was not sent to Proxmox VE, because it waited too long behind other requests to the node. The guest is read again before it is sent.`,
  });

/** Without figures, for the same reason. */
export const crowdedError = (call: Call): PveError =>
  new PveError({
    refusal: 'unavailable',
    method: call.method,
    route: call.route,
    code: CROWDED,
    noAnswer: 'requests before it were not answered in time.',
    message: `${call.method} ${call.path} was not sent to Proxmox VE, because requests before it were not answered in time. It is sent again later. If this lasts, look for a storage or a service of the node that hangs.`,
  });

/** Creates the error for a request that the version of its node does not know, and that was not sent. */
export function unsupportedError(
  call: Call,
  unsupported: readonly Unsupported[],
  { node, version }: { readonly node: string; readonly version: string },
): PveError {
  const needs = unsupported.map(({ name, lifetime }) => `${name} needs ${printLifetime(lifetime)}`);
  const why = `Node ${node} runs Proxmox VE ${version}, but ${needs.join(', and ')}.`;
  return new PveError({
    refusal: 'invalid',
    method: call.method,
    route: call.route,
    code: 'unsupported',
    pveMessage: why,
    message: `${call.method} ${call.path} was not sent to Proxmox VE. ${why}`,
  });
}
