/** Sends calls to one PVE endpoint: identity, deadlines, limits, careful repetition. */
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import { LOGIN } from './access.ts';
import { createAuth, secretsOf, type Auth, type AuthHeaders, type Credentials, type Login } from './auth.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { normaliseEndpoint } from './endpoint-url.ts';
import type { Endpoint, Method, Params, Send, SendOptions } from './endpoint.ts';
import { isLasting, PveError, unanswered, unsendable, type Call } from './errors.ts';
import { exchange, ExchangeFailure, type Answer, type Tls } from './exchange.ts';
import { createFailover, type FailoverOptions } from './failover.ts';
import { createLimiter } from './limiter.ts';
import type { PeerCertificate } from './peer-certificate.ts';
import { isSuccess, toError, toResult } from './reply.ts';
import { secretsIn, shownPath, toRequest, type WireRequest } from './request.ts';

/** One attempt, for the metrics. */
export interface RequestSeen {
  readonly method: Method;
  /** The endpoint's path template. */
  readonly route: string;
  /** An HTTP status, or the code of a failed connection. */
  readonly code: string;
  readonly ms: number;
}

export interface TransportOptions {
  /** In any form that `normaliseEndpoint` takes. */
  readonly endpoint: string;
  /** Further nodes of the same cluster, for when the first cannot be reached. */
  readonly endpoints?: readonly string[] | undefined;
  /** Whether the cluster at one of several endpoints is the one we mean; asked before an endpoint comes into use. */
  readonly admits?: ((found: ClusterIdentity) => boolean) | undefined;
  /** Another endpoint came into use. */
  readonly onMoved?: ((origin: string) => void) | undefined;
  readonly credentials: Credentials;
  readonly tls?: Tls | undefined;
  /** For one attempt; 30 s unless told. */
  readonly deadline?: Millis | undefined;
  readonly onRequest?: ((seen: RequestSeen) => void) | undefined;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly sleep?: (duration: Millis, signal?: AbortSignal) => Promise<unknown>;
}

export interface Transport {
  readonly send: Send;
  /** The origin of the endpoint in use. */
  readonly origin: string;
  /** That the endpoint in use showed last; absent without TLS, and before the first connection. */
  readonly certificate: PeerCertificate | undefined;
  /** Lets what is in flight end, for at most `grace` (20 s), then cuts the connections. */
  close(grace?: Millis): Promise<void>;
}

const DEADLINE = seconds(30);
const UPLOAD_DEADLINE = minutes(10);
const IN_FLIGHT_PER_NODE = 4;
const REPETITIONS = 2;
/** PVE refuses larger forms. */
const MAX_FORM_BYTES = 512 * 1024;

/** No password of Proxmox VE is shorter; replacing less would only garble the text. */
const MIN_SECRET = 4;

function redactor(secrets: readonly string[]): (text: string) => string {
  const words = secrets
    .filter((secret) => secret.length >= MIN_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())]);
  return (text) => words.reduce((rest, word) => rest.replaceAll(word, '***'), text);
}

/** Short and uneven, so that many callers do not come back at once. */
const pauseBefore = (repetition: number, random: () => number): Millis =>
  millis(Math.round(100 * 3 ** repetition * (0.5 + random())));

interface Attempt {
  readonly call: Call;
  readonly request: WireRequest;
  readonly options: SendOptions;
  readonly auth: Auth | undefined;
}

function originOf(endpoint: string): string {
  const normalised = normaliseEndpoint(endpoint);
  if (!normalised.ok) throw new Error(normalised.problem);
  return normalised.origin;
}

/** @throws Error when the endpoint or the credentials cannot be right */
export function createTransport(options: TransportOptions): Transport {
  const { now = Date.now, random = Math.random } = options;
  const sleep = options.sleep ?? ((duration, signal) => delay(duration, undefined, signal && { signal }));
  const limiter = createLimiter(IN_FLIGHT_PER_NODE);
  const ownSecrets = secretsOf(options.credentials);

  const deadlineOf = ({ file, deadline }: SendOptions): Millis =>
    deadline ?? (file ? UPLOAD_DEADLINE : (options.deadline ?? DEADLINE));

  const exchangeSeen: FailoverOptions['exchange'] = async (
    pool,
    { route, request, headers, options: how },
  ) => {
    const began = now();
    const seen = (code: string): void =>
      options.onRequest?.({ method: request.method, route, code, ms: now() - began });
    try {
      const answer = await exchange(pool, { ...request, headers: { ...request.headers, ...headers } }, how);
      seen(String(answer.status));
      return answer;
    } catch (error) {
      seen(error instanceof ExchangeFailure ? error.code : 'cancelled');
      throw error;
    }
  };
  const failover = createFailover({
    origins: [originOf(options.endpoint), ...(options.endpoints ?? []).map(originOf)],
    tls: options.tls ?? {},
    exchange: exchangeSeen,
    admits: options.admits ?? (() => true),
    onMoved: options.onMoved ?? (() => undefined),
  });

  const exchangeOnce = async (attempt: Attempt, headers: AuthHeaders | undefined): Promise<Answer> => {
    const { call, request, options: own } = attempt;
    try {
      return await failover.deliver({
        route: call.route,
        request,
        headers,
        options: { deadline: deadlineOf(own), signal: own.signal, harmless: call.harmless },
      });
    } catch (error) {
      throw error instanceof ExchangeFailure ? unanswered(call, error) : error;
    }
  };

  const answerOnce = async (attempt: Attempt, headers: AuthHeaders | undefined): Promise<Answer> => {
    const { auth, request, options: own } = attempt;
    const turn = (used: AuthHeaders | undefined): Promise<Answer> =>
      limiter.run(request.lane, () => exchangeOnce(attempt, used), own.signal);
    const answer = await turn(headers);
    // A 401 means that nothing was done, so even a change may be sent again.
    if (answer.status !== 401 || !headers || !auth?.renew(headers)) return answer;
    return turn(await auth.headers(request.method));
  };

  const answerTo = async (attempt: Attempt): Promise<Answer> => {
    const { call, options: own } = attempt;
    const headers = await attempt.auth?.headers(call.method);
    for (let repetition = 0; ; repetition += 1) {
      try {
        const answer = await answerOnce(attempt, headers);
        if (isSuccess(answer)) return answer;
        throw toError(call, answer);
      } catch (error) {
        const passing =
          error instanceof PveError && error.refusal === 'unavailable' && !isLasting(error.code);
        if (!passing || !call.harmless || repetition >= REPETITIONS) throw error;
      }
      await sleep(pauseBefore(repetition, random), own.signal);
      own.signal?.throwIfAborted();
    }
  };

  const sendAs = async <P extends z.ZodType<Params>, R extends z.ZodType>(
    auth: Auth | undefined,
    endpoint: Endpoint<P, R>,
    input: unknown,
    own: SendOptions,
  ): Promise<z.output<R>> => {
    const { method, path: route, repeatable } = endpoint;
    const params = endpoint.params.safeParse(input);
    const known: Params = params.data ?? {};
    const redact = redactor([...ownSecrets, ...secretsIn(known)]);
    const call: Call = {
      method,
      route,
      path: shownPath(route, known),
      harmless: method === 'GET' || repeatable === true,
      redact,
    };
    if (!params.success) {
      const issues = params.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
      throw unsendable(call, issues.join(', '));
    }
    const request = toRequest(endpoint, params.data, own.file);
    if (typeof request.body === 'string' && request.body.length > MAX_FORM_BYTES) {
      throw unsendable(call, 'its parameters are larger than the 512 KiB that Proxmox VE accepts');
    }
    return toResult(endpoint.reply, call, await answerTo({ call, request, options: own, auth }));
  };

  const login: Login = async (username, password) => {
    const reply = await sendAs(undefined, LOGIN, { username, password }, {});
    const facts = { refusal: 'unauthenticated', method: 'POST', route: LOGIN.path, code: '401' } as const;
    if (reply.NeedTFA) {
      throw new PveError({
        ...facts,
        message: `Proxmox VE asks ${username} for a second factor, which the operator cannot give. Use an API token instead.`,
      });
    }
    if (!reply.ticket || !reply.CSRFPreventionToken) {
      throw new PveError({ ...facts, message: `Proxmox VE gave ${username} no ticket.` });
    }
    return { ticket: reply.ticket, csrf: reply.CSRFPreventionToken };
  };

  const auth = createAuth(options.credentials, login, now);
  let closing: Promise<void> | undefined;
  return {
    send: (target, params, own = {}) => sendAs(auth, target, params, own),
    get origin() {
      return failover.origin;
    },
    get certificate() {
      return failover.certificate;
    },
    close: (grace = seconds(20)) => (closing ??= failover.close(grace)),
  };
}
