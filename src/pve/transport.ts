/** Sends calls to PVE: authentication, deadlines, concurrency limits and retries. */
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import { LOGIN } from './access.ts';
import { createAuth, secretsOf, type Auth, type AuthHeaders, type Credentials, type Login } from './auth.ts';
import { budgetOf } from './budgets.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { normaliseEndpoint } from './endpoint-url.ts';
import {
  isStreamed,
  type Endpoint,
  type Method,
  type Params,
  type Send,
  type SendOptions,
} from './endpoint.ts';
import {
  crowdedError,
  isPersistent,
  PveError,
  noAnswerError,
  outdatedError,
  unsendableError,
  unsupportedError,
  type Call,
} from './errors.ts';
import { exchange, ExchangeFailure, isSuccess, type Answer, type Tls } from './exchange.ts';
import { createFailover, type FailoverOptions } from './failover.ts';
import { createLimiter } from './limiter.ts';
import type { PeerCertificate } from './peer-certificate.ts';
import { toError, toResult } from './reply.ts';
import { secretsIn, shownPath, toRequest, type WireRequest } from './request.ts';
import { roomForAnswers, serverRoom, type CommonRoom, type Room } from './room.ts';
import { fitCall } from './versions.ts';

/** One attempt to send a request, for the metrics. */
export interface RequestAttempt {
  readonly method: Method;
  /** The endpoint's path template. */
  readonly route: string;
  /** An HTTP status, or the code of a failed connection. */
  readonly code: string;
  readonly ms: number;
}

export interface TransportOptions {
  /** In any form that `normaliseEndpoint` accepts. */
  readonly endpoint: string;
  /** Other nodes of the same cluster, used when the first cannot be reached. */
  readonly endpoints?: readonly string[] | undefined;
  /** Whether the cluster found at an endpoint is the expected one. Called before an endpoint comes into use, if there are several. */
  readonly isExpectedCluster?: ((found: ClusterIdentity) => boolean) | undefined;
  /** Called when another endpoint comes into use. */
  readonly onFailover?: ((origin: string) => void) | undefined;
  readonly credentials: Credentials;
  readonly tls?: Tls | undefined;
  /** For one attempt. Default: 30 s. */
  readonly deadline?: Millis | undefined;
  /** How long a call waits for its turn. Default: 1 min. */
  readonly maxWait?: Millis | undefined;
  /** The version of PVE on a node, for example `8.4`; `undefined`: not known, and the request is sent as it is. */
  readonly versionOf?: ((node: string) => string | undefined) | undefined;
  readonly onRequest?: ((attempt: RequestAttempt) => void) | undefined;
  /** The memory for answers that are being read; default: that of the process. */
  readonly room?: CommonRoom | undefined;
  /** Whose server it is; tenants have equal shares of that memory. */
  readonly tenant?: string | undefined;
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
const CHECK_DEADLINE = seconds(15);
const UPLOAD_DEADLINE = minutes(10);
/** For each piece of a file that is streamed, and for the answer. */
const STREAM_DEADLINE = minutes(2);
const MAX_IN_FLIGHT_PER_NODE = 4;
/** For a slot. Longer than a lane takes for all guests that start at once and whose agents are silent. */
const MAX_WAIT = minutes(1);
/** How long a call that cannot be undone may wait until it is sent. */
const FRESH_FOR = seconds(2);
const MAX_RETRIES = 2;
/** PVE rejects larger forms. */
const MAX_FORM_BYTES = 512 * 1024;

/** Shared by all servers. */
const ROOM = roomForAnswers();

/** Proxmox VE accepts no shorter password; replacing shorter strings would only garble the text. */
const MIN_SECRET_LENGTH = 4;

function redactor(secrets: readonly string[]): (text: string) => string {
  const words = secrets
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())]);
  return (text) => words.reduce((rest, word) => rest.replaceAll(word, '***'), text);
}

/** Exponential backoff with jitter, so that many callers do not retry at the same moment. */
const retryDelay = (retry: number, random: () => number): Millis =>
  millis(Math.round(100 * 3 ** retry * (0.5 + random())));

interface Attempt {
  readonly call: Call;
  /** Epoch ms, where the call may not be sent later; absent: it may. */
  readonly decidedAt: number | undefined;
  /** Epoch ms: until then it may wait for its turn, however often it is tried. */
  readonly waitsUntil: number;
  readonly request: WireRequest;
  readonly options: SendOptions;
  readonly auth: Auth | undefined;
  readonly maxBytes: number;
  readonly room: Room;
}

function originOf(endpoint: string): string {
  const normalised = normaliseEndpoint(endpoint);
  if (!normalised.ok) throw new Error(normalised.problem);
  return normalised.origin;
}

/** @throws Error if the endpoint or the credentials are malformed */
export function createTransport(options: TransportOptions): Transport {
  const { now = Date.now, random = Math.random } = options;
  const sleep = options.sleep ?? ((duration, signal) => delay(duration, undefined, signal && { signal }));
  const limiter = createLimiter(MAX_IN_FLIGHT_PER_NODE);
  const openRoom = serverRoom(options.room ?? ROOM, options.tenant);
  const ownSecrets = secretsOf(options.credentials);

  const deadlineOf = ({ file, deadline }: SendOptions): Millis => {
    if (deadline !== undefined) return deadline;
    if (!file) return options.deadline ?? DEADLINE;
    return isStreamed(file) ? STREAM_DEADLINE : UPLOAD_DEADLINE;
  };

  const recordedExchange: FailoverOptions['exchange'] = async (
    pool,
    { route, request, headers, options: exchangeOptions },
  ) => {
    const startedAt = now();
    const record = (code: string): void =>
      options.onRequest?.({ method: request.method, route, code, ms: now() - startedAt });
    try {
      const allHeaders = { ...request.headers, ...headers };
      const answer = await exchange(pool, { ...request, headers: allHeaders }, exchangeOptions);
      record(String(answer.status));
      return answer;
    } catch (error) {
      record(error instanceof ExchangeFailure ? error.code : 'cancelled');
      throw error;
    }
  };
  const failover = createFailover({
    origins: [originOf(options.endpoint), ...(options.endpoints ?? []).map(originOf)],
    tls: options.tls ?? {},
    exchange: recordedExchange,
    isExpectedCluster: options.isExpectedCluster ?? (() => true),
    onFailover: options.onFailover ?? (() => undefined),
    checkDeadline: millis(Math.min(options.deadline ?? CHECK_DEADLINE, CHECK_DEADLINE)),
  });

  const exchangeOnce = async (attempt: Attempt, headers: AuthHeaders | undefined): Promise<Answer> => {
    const { call, request, options: own, maxBytes, room: ownRoom } = attempt;
    const { harmless } = call;
    try {
      return await failover.deliver({
        route: call.route,
        request,
        headers,
        options: { deadline: deadlineOf(own), signal: own.signal, harmless, maxBytes, room: ownRoom },
      });
    } catch (error) {
      throw error instanceof ExchangeFailure ? noAnswerError(call, error) : error;
    }
  };

  const sendOnce = async (attempt: Attempt, headers: AuthHeaders | undefined): Promise<Answer> => {
    const { auth, call, request, options: own, decidedAt = Infinity } = attempt;
    const waiting = {
      signal: own.signal,
      urgent: attempt.decidedAt !== undefined,
      kind: request.kind,
      limit:
        attempt.decidedAt === undefined
          ? { after: millis(Math.max(0, attempt.waitsUntil - now())), error: () => crowdedError(call) }
          : { after: FRESH_FOR, error: () => outdatedError(call) },
    };
    const attemptWith = (used: AuthHeaders | undefined): Promise<Answer> =>
      limiter.run(
        request.lane,
        () => {
          if (now() - decidedAt > FRESH_FOR) throw outdatedError(call);
          return exchangeOnce(attempt, used);
        },
        waiting,
      );
    const answer = await attemptWith(headers);
    // A 401 means that PVE did nothing, so that even a change may be sent again.
    if (answer.status !== 401 || !headers || !auth?.renew(headers)) return answer;
    return attemptWith(await auth.headers(request.method));
  };

  const sendWithRetries = async (attempt: Attempt): Promise<Answer> => {
    const { call, options: own } = attempt;
    const headers = await attempt.auth?.headers(call.method);
    for (let retry = 0; ; retry += 1) {
      try {
        const answer = await sendOnce(attempt, headers);
        if (isSuccess(answer)) return answer;
        throw toError(call, answer);
      } catch (error) {
        const transient =
          error instanceof PveError && error.refusal === 'unavailable' && !isPersistent(error.code);
        if (!transient || !call.harmless || retry >= MAX_RETRIES) throw error;
      }
      await sleep(retryDelay(retry, random), own.signal);
      own.signal?.throwIfAborted();
    }
  };

  /** Only calls to a node have parameters that some versions lack. The node that gets the call checks them. */
  const fitted = (endpoint: Endpoint, call: Call, params: Params): Params => {
    const { node } = params;
    if (typeof node !== 'string' || endpoint.lifetimes === undefined) return params;
    const version = options.versionOf?.(node);
    const fit = fitCall(endpoint, params, version);
    if (version !== undefined && fit.unsupported.length > 0)
      throw unsupportedError(call, fit.unsupported, { node, version });
    return fit.params;
  };

  const sendAs = async <P extends z.ZodType<Params>, R extends z.ZodType>(
    auth: Auth | undefined,
    endpoint: Endpoint<P, R>,
    input: unknown,
    own: SendOptions,
  ): Promise<z.output<R>> => {
    const { method, path: route, repeatable, irreversible } = endpoint;
    const decidedAt = irreversible === true ? now() : undefined;
    const waitsUntil = now() + (options.maxWait ?? MAX_WAIT);
    const params = endpoint.params.safeParse(input);
    const known: Params = params.data ?? {};
    const redact = redactor([...ownSecrets, ...secretsIn(known)]);
    const call: Call = {
      method,
      route,
      path: shownPath(route, known),
      harmless: method === 'GET' || repeatable === true,
      redact,
      needs: endpoint.needs.map(({ path, anyOf }) => ({ path: shownPath(path, known), anyOf })),
    };
    if (!params.success) {
      const issues = params.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
      throw unsendableError(call, issues.join(', '));
    }
    const request = toRequest(endpoint, fitted(endpoint, call, params.data), own.file);
    if (typeof request.body === 'string' && request.body.length > MAX_FORM_BYTES) {
      throw unsendableError(call, 'its parameters are larger than the 512 KiB that Proxmox VE accepts');
    }
    const ownRoom = openRoom();
    try {
      const { bytes: maxBytes } = budgetOf(endpoint);
      const attempt = { call, decidedAt, waitsUntil, request, options: own, auth, maxBytes, room: ownRoom };
      return await toResult(endpoint, call, await sendWithRetries(attempt));
    } finally {
      ownRoom.release();
    }
  };

  const login: Login = async (username, password) => {
    const reply = await sendAs(undefined, LOGIN, { username, password }, {});
    const facts = { refusal: 'unauthenticated', method: 'POST', route: LOGIN.path, code: '401' } as const;
    if (reply.NeedTFA) {
      throw new PveError({
        ...facts,
        message: `Proxmox VE requires a second factor from ${username}, which the operator cannot provide. Use an API token instead.`,
      });
    }
    if (!reply.ticket || !reply.CSRFPreventionToken) {
      throw new PveError({
        ...facts,
        message: `Proxmox VE returned no ticket for ${username}. Check whether the endpoint is a Proxmox VE API.`,
      });
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
