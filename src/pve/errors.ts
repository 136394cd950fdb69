/** What went wrong with a call to PVE, as a sentence for people and a kind for programs. */
import { OtherCluster } from './cluster-identity.ts';
import type { Method } from './endpoint.ts';
import { FingerprintMismatch } from './fingerprint.ts';
import {
  meaningOf,
  missingPrivilege,
  type MissingPrivilege,
  type ObjectKind,
  type Refusal,
} from './prose.ts';

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
  readonly said?: string | undefined;
  readonly cause?: unknown;
}

/** A call to PVE that did not succeed. Callers branch on `refusal` and nothing else; the message holds no secrets. */
export class PveError extends Error {
  override readonly name = 'PveError';
  readonly refusal: Refusal;
  readonly method: Method;
  readonly route: string;
  readonly code: string;
  /** With `notFound`: what is not there. Only `guest` says that the VM itself is absent from its node. */
  readonly absent: ObjectKind | undefined;
  /** With `forbidden`, where PVE names it. */
  readonly missing: MissingPrivilege | undefined;
  /** PVE's complaint about each parameter. */
  readonly fields: Readonly<Record<string, string>>;
  /** PVE's own words, without our sentence around them. */
  readonly said: string;

  constructor(facts: Facts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.refusal = facts.refusal;
    this.method = facts.method;
    this.route = facts.route;
    this.code = facts.code;
    this.absent = facts.absent;
    this.missing = facts.missing;
    this.fields = facts.fields ?? {};
    this.said = facts.said ?? '';
  }
}

/** The call an error is about. */
export interface Call {
  readonly method: Method;
  readonly route: string;
  /** What people get to read instead of the route. */
  readonly path: string;
  /** Changes nothing: losing the answer does no harm. */
  readonly harmless: boolean;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
}

const SECRET_FIELDS = /pass|secret|sshkeys|token|ticket|command/i;
const MAX_TEXT = 700;

/** One line of bounded length. */
const tidy = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
};

const withoutSecretValues = (
  fields: Readonly<Record<string, string>>,
  redact: Call['redact'],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).map(([field, text]) => [
      field,
      // PVE quotes refused values in its complaint.
      SECRET_FIELDS.test(field) ? 'was refused (not shown, as it may hold a secret)' : tidy(redact(text)),
    ]),
  );

const ADVICE: Partial<Record<Refusal, string>> = {
  unauthenticated: 'Check the credentials: user, token ID and secret, and that they have not expired.',
  unknownOutcome: 'Whether the change was made is not known.',
  noQuorum: 'Without a majority of its nodes the cluster accepts no changes.',
};

function adviceOn(refusal: Refusal, status: number, text: string): string | undefined {
  if (status === 596 && /certificate verify failed/i.test(text)) {
    return 'The node that took the call does not trust the certificate of the node it passed it on to; `pvecm updatecerts` on both nodes renews the trust between them.';
  }
  if (status === 301 || status === 302 || status === 307 || status === 308) {
    return 'The server redirects instead of answering: is the endpoint an https address of Proxmox VE?';
  }
  return ADVICE[refusal];
}

export interface RefusedAnswer {
  readonly status: number;
  readonly reason: string;
  readonly message: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

/** From an answer that is not a success. */
export function refused(call: Call, answer: RefusedAnswer): PveError {
  const text = tidy(call.redact(answer.message ?? answer.reason));
  const { refusal, absent } = meaningOf({ ...answer, text }, call.harmless);
  const fields = withoutSecretValues(answer.fields, call.redact);
  const details = Object.entries(fields).map(([field, complaint]) => `${field}: ${complaint}`);
  const said = tidy([text, ...details].filter((part) => part !== '').join(' '));
  const advice = adviceOn(refusal, answer.status, text);
  return new PveError({
    refusal,
    absent,
    fields,
    said,
    method: call.method,
    route: call.route,
    code: String(answer.status),
    missing: refusal === 'forbidden' ? missingPrivilege(text) : undefined,
    message: [
      `Proxmox VE answered ${call.method} ${call.path} with ${answer.status}${said === '' ? '' : `: ${said}`}`,
      advice,
    ]
      .filter((part) => part !== undefined)
      .map((part) => (/[.!?]$/.test(part) ? part : `${part}.`))
      .join(' '),
  });
}

const CONNECTION_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at the endpoint',
  ENOTFOUND: "the endpoint's host name is unknown",
  EAI_AGAIN: "the endpoint's host name could not be resolved",
  EHOSTUNREACH: 'the endpoint is not reachable from here',
  ENETUNREACH: 'the endpoint is not reachable from here',
  EPROTO: 'the endpoint does not speak TLS; is it an http address?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the endpoint does not speak TLS; is it an http address?',
  UND_ERR_CONNECT_TIMEOUT: 'the endpoint does not answer',
  timeout: 'no answer came in time',
  UND_ERR_SOCKET: 'the connection was closed before the answer came',
  ECONNRESET: 'the connection was reset before the answer came',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name than the endpoint has',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

const UNTRUSTED =
  'its certificate is not signed by a known authority; give the CA that signed it (on a node: /etc/pve/pve-root-ca.pem) as ca.crt in the Secret, or the fingerprint of the certificate';

const UNTRUSTED_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Codes of failures that would only repeat themselves. */
export const isLasting = (code: string): boolean =>
  code === 'timeout' ||
  code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
  code === 'CERT_HAS_EXPIRED' ||
  code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ||
  code === 'UND_ERR_CLOSED' ||
  code === 'UND_ERR_DESTROYED' ||
  code === FingerprintMismatch.code ||
  code === OtherCluster.code ||
  UNTRUSTED_CODES.has(code);

function adviceOnConnection({ code, cause }: Pick<Unanswered, 'code' | 'cause'>): string {
  if (cause instanceof FingerprintMismatch || cause instanceof OtherCluster) return cause.message;
  return UNTRUSTED_CODES.has(code) ? UNTRUSTED : (CONNECTION_ADVICE[code] ?? code);
}

interface Unanswered {
  readonly code: string;
  readonly sent: boolean;
  readonly cause?: unknown;
  /** What happened at each endpoint, where there are several. */
  readonly tried?: readonly { readonly origin: string; readonly failure: Unanswered }[];
}

/** From a call that got no answer. `sent`: the request, or a part of it, may have reached PVE. */
export function unanswered(call: Call, failure: Unanswered): PveError {
  const { code, sent, tried = [] } = failure;
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
    message: `Proxmox VE gave no answer to ${call.method} ${call.path}: ${why}.${doubt}`,
  });
}

/** From an answer that is a success, but not one that PVE gives. */
export const unreadable = (call: Call, why: string): PveError =>
  new PveError({
    refusal: call.harmless ? 'unknown' : 'unknownOutcome',
    method: call.method,
    route: call.route,
    code: 'unreadable',
    message: `The answer to ${call.method} ${call.path} cannot be understood (${tidy(call.redact(why))}). Is the endpoint a Proxmox VE API?`,
  });

/** A request that PVE would refuse, found before it was sent. */
export const unsendable = (call: Call, why: string): PveError =>
  new PveError({
    refusal: 'invalid',
    method: call.method,
    route: call.route,
    code: 'unsendable',
    message: `${call.method} ${call.path} was not sent to Proxmox VE: ${tidy(call.redact(why))}.`,
  });
