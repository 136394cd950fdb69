/**
 * Which endpoint takes a request: the one in use, for as long as it can be reached; then the next, beginning with the
 * first. Only what certainly changed nothing goes to a second one, and none is used before it has proved to belong to
 * the same PVE cluster: guests of another one would count as vanished.
 */
import type { Pool } from 'undici';
import { seconds, type Millis } from '../lib/units.ts';
import { CLUSTER, identityIn } from './cluster.ts';
import { OtherCluster, type ClusterIdentity } from './cluster-identity.ts';
import type { AuthHeaders } from './auth.ts';
import type { Params, Endpoint } from './endpoint.ts';
import {
  closePool,
  createPool,
  ExchangeFailure,
  type Answer,
  type ExchangeOptions,
  type Tls,
  type TriedEndpoint,
} from './exchange.ts';
import type { PeerCertificate } from './peer-certificate.ts';
import { dataOf } from './reply.ts';
import { toRequest, type WireRequest } from './request.ts';

/** A request with the proof of identity that goes with it; `undefined` for a login, which has none yet. */
export interface PreparedRequest {
  /** The endpoint's path template. */
  readonly route: string;
  readonly request: WireRequest;
  readonly headers: AuthHeaders | undefined;
  readonly options: ExchangeOptions;
}

export interface FailoverOptions {
  readonly origins: readonly [string, ...string[]];
  readonly tls: Tls;
  /** @throws ExchangeFailure, or the caller's reason when its signal ended the exchange */
  readonly exchange: (pool: Pool, prepared: PreparedRequest) => Promise<Answer>;
  /** Whether the cluster found at an endpoint is the one we mean. Not asked where there is only one endpoint. */
  readonly admits: (found: ClusterIdentity) => boolean;
  readonly onMoved: (origin: string) => void;
}

export interface Failover {
  /** The endpoint in use. */
  readonly origin: string;
  /** Of the endpoint in use; absent without TLS, and before the first connection. */
  readonly certificate: PeerCertificate | undefined;
  /** @throws ExchangeFailure, or the caller's reason when its signal ended the exchange */
  deliver(prepared: PreparedRequest): Promise<Answer>;
  close(grace: Millis): Promise<void>;
}

interface EndpointState {
  readonly origin: string;
  readonly pool: Pool;
  /** Since it came into use; shared by all requests that wait for it. Gives an answer where PVE did not let us ask. */
  admission: Promise<Answer | undefined> | undefined;
  /** Shown on the newest connection. */
  certificate: PeerCertificate | undefined;
}

const DEADLINE = seconds(15);

const RESETS = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const OURS = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);

/** Whether another endpoint may be asked the same: nothing was sent, or nothing could be changed by it. */
const canFailOver = ({ code, sent }: ExchangeFailure, harmless: boolean): boolean =>
  !OURS.has(code) && (!sent || (harmless && RESETS.has(code)));

export function createFailover(options: FailoverOptions): Failover {
  const { origins, tls, exchange, admits } = options;
  const stateOf = (origin: string): EndpointState => {
    const state: EndpointState = {
      origin,
      pool: createPool(origin, tls, (shown) => (state.certificate = shown)),
      admission: undefined,
      certificate: undefined,
    };
    return state;
  };
  const first = stateOf(origins[0]);
  const endpoints = [first, ...origins.slice(1).map(stateOf)];
  let current = first;

  const moveTo = (endpoint: EndpointState): void => {
    if (endpoint === current) return;
    current = endpoint;
    options.onMoved(endpoint.origin);
  };

  /** Where to go from an endpoint that failed; `undefined` when all have. */
  const next = (failed: EndpointState, tried: readonly TriedEndpoint[]): EndpointState | undefined => {
    const isNew = (endpoint: EndpointState): boolean =>
      !tried.some(({ origin }) => origin === endpoint.origin);
    failed.admission = undefined;
    const found = isNew(current) ? current : endpoints.find(isNew);
    if (current === failed) moveTo(found ?? first);
    return found;
  };

  const ask = (
    { pool }: EndpointState,
    headers: AuthHeaders,
    call: Endpoint,
    params: Params,
  ): Promise<Answer> =>
    exchange(pool, {
      route: call.path,
      request: toRequest(call, params, undefined),
      headers,
      options: { deadline: DEADLINE, signal: undefined, harmless: true },
    });

  const identify = async (
    endpoint: EndpointState,
    headers: AuthHeaders,
  ): Promise<ClusterIdentity | Answer> => {
    const answer = await ask(endpoint, headers, CLUSTER.status, {});
    const status = dataOf(CLUSTER.status.reply, answer);
    if (status) return identityIn(status);
    if (answer.status !== 403) return answer;
    // Without Sys.Audit the cluster's name stays hidden, but its nodes do not.
    const list = await ask(endpoint, headers, CLUSTER.resources, { type: 'node' });
    const rows = dataOf(CLUSTER.resources.reply, list);
    return rows ? { name: undefined, nodes: rows.map(({ node }) => node) } : list;
  };

  /** @returns the answer of PVE to somebody whom it does not know (any longer) */
  const admit = async (endpoint: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const found = await identify(endpoint, headers);
    if ('status' in found) {
      if (found.status === 401) return found;
      throw new ExchangeFailure(String(found.status), false, undefined);
    }
    if (admits(found)) return undefined;
    const other = new OtherCluster(found);
    throw new ExchangeFailure(other.code, false, other);
  };

  const admittedTo = async (endpoint: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const admission = (endpoint.admission ??= admit(endpoint, headers));
    let admitted = false;
    try {
      const refusal = await admission;
      admitted = refusal === undefined;
      return refusal;
    } catch (error) {
      // What is waiting for this was not sent, whatever became of the question.
      throw error instanceof ExchangeFailure ? new ExchangeFailure(error.code, false, error.cause) : error;
    } finally {
      if (!admitted && endpoint.admission === admission) endpoint.admission = undefined;
    }
  };

  const deliverAt = async (endpoint: EndpointState, prepared: PreparedRequest): Promise<Answer> => {
    const { headers } = prepared;
    if (endpoints.length > 1 && headers) {
      const refusal = await admittedTo(endpoint, headers);
      if (refusal) return refusal;
      prepared.options.signal?.throwIfAborted();
    }
    return exchange(endpoint.pool, prepared);
  };

  return {
    get origin() {
      return current.origin;
    },
    get certificate() {
      return current.certificate;
    },
    async deliver(prepared) {
      const tried: TriedEndpoint[] = [];
      for (let endpoint: EndpointState = current; ;) {
        try {
          return await deliverAt(endpoint, prepared);
        } catch (error) {
          if (endpoints.length === 1 || !(error instanceof ExchangeFailure)) throw error;
          tried.push({ origin: endpoint.origin, failure: error });
          const other = canFailOver(error, prepared.options.harmless) ? next(endpoint, tried) : undefined;
          if (!other) throw new ExchangeFailure(error.code, error.sent, error.cause, tried);
          endpoint = other;
        }
      }
    },
    async close(grace) {
      await Promise.all(endpoints.map(({ pool }) => closePool(pool, grace)));
    },
  };
}
