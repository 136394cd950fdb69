/**
 * Chooses the endpoint for a request: the current one as long as it can be reached, then the next one, starting with
 * the first. Only a request that certainly changed nothing is sent again. An endpoint comes into use only after a check
 * that it belongs to the same PVE cluster, because in another cluster all guests would seem to have vanished.
 */
import type { Pool } from 'undici';
import type { Millis } from '../lib/units.ts';
import { CLUSTER, identityIn } from './cluster.ts';
import { OtherClusterError, type ClusterIdentity } from './cluster-identity.ts';
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
import type { Room } from './room.ts';

/** A request with its authentication headers. */
export interface PreparedRequest {
  /** The endpoint's path template. */
  readonly route: string;
  readonly request: WireRequest;
  /** `undefined` for a login. */
  readonly headers: AuthHeaders | undefined;
  readonly options: ExchangeOptions;
}

export interface FailoverOptions {
  readonly origins: readonly [string, ...string[]];
  readonly tls: Tls;
  /** @throws ExchangeFailure, or the signal's reason if the signal ended the exchange */
  readonly exchange: (pool: Pool, prepared: PreparedRequest) => Promise<Answer>;
  /** Whether the cluster found at an endpoint is the expected one. Not called if there is only one endpoint. */
  readonly isExpectedCluster: (found: ClusterIdentity) => boolean;
  readonly onFailover: (origin: string) => void;
  /** For one request of the check of an endpoint. */
  readonly checkDeadline: Millis;
}

export interface Failover {
  /** The endpoint in use. */
  readonly origin: string;
  /** That of the endpoint in use; absent without TLS, and before the first connection. */
  readonly certificate: PeerCertificate | undefined;
  /** @throws ExchangeFailure, or the caller's reason when its signal ended the exchange */
  deliver(prepared: PreparedRequest): Promise<Answer>;
  close(grace: Millis): Promise<void>;
}

interface EndpointState {
  readonly origin: string;
  readonly pool: Pool;
  /** Connections for checks alone: all others may be in use by requests that are not answered. */
  readonly checks: Pool;
  /** The check since the endpoint came into use; shared by all requests that wait for it. Resolves with the answer if PVE refused it. */
  verification: Promise<Answer | undefined> | undefined;
  /** The one presented on the newest connection. */
  certificate: PeerCertificate | undefined;
  /** Why it did not answer last; `undefined` once it has answered. */
  failure: ExchangeFailure | undefined;
}

/** The nodes of the largest cluster have a tenth of it. */
const MAX_CHECK_BYTES = 256 * 1024;
/** So little that it is not counted among the answers. */
const UNCOUNTED: Room = { take: () => true, give: () => undefined };

const RESETS = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const CLOSED_BY_US = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);

/** Whether the request may be sent to another endpoint: it was not sent, or it changes nothing. */
const canFailOver = ({ code, sent }: ExchangeFailure, harmless: boolean): boolean =>
  !CLOSED_BY_US.has(code) && (!sent || (harmless && RESETS.has(code)));

export function createFailover(options: FailoverOptions): Failover {
  const { origins, tls, exchange, isExpectedCluster } = options;
  const stateOf = (origin: string): EndpointState => {
    const onCertificate = (shown: PeerCertificate): void => void (state.certificate = shown);
    const state: EndpointState = {
      origin,
      pool: createPool(origin, tls, onCertificate),
      checks: createPool(origin, tls, onCertificate),
      verification: undefined,
      certificate: undefined,
      failure: undefined,
    };
    return state;
  };
  const first = stateOf(origins[0]);
  const endpoints = [first, ...origins.slice(1).map(stateOf)];
  let current = first;

  const moveTo = (endpoint: EndpointState): void => {
    if (endpoint === current) return;
    current = endpoint;
    options.onFailover(endpoint.origin);
  };

  /** The endpoint to try after a failed one; `undefined` if all have failed. */
  const next = (failed: EndpointState, tried: readonly TriedEndpoint[]): EndpointState | undefined => {
    const isNew = (endpoint: EndpointState): boolean =>
      !tried.some(({ origin }) => origin === endpoint.origin);
    failed.verification = undefined;
    const found = isNew(current) ? current : endpoints.find(isNew);
    if (current === failed) moveTo(found ?? first);
    return found;
  };

  /** In the order of the endpoints and with what others met, so that messages do not alternate. */
  const failures = (): readonly TriedEndpoint[] =>
    endpoints.flatMap(({ origin, failure }) => (failure ? [{ origin, failure }] : []));

  const ask = (
    { checks }: EndpointState,
    headers: AuthHeaders,
    call: Endpoint,
    params: Params,
  ): Promise<Answer> =>
    exchange(checks, {
      route: call.path,
      request: toRequest(call, params, undefined),
      headers,
      options: {
        deadline: options.checkDeadline,
        signal: undefined,
        harmless: true,
        maxBytes: MAX_CHECK_BYTES,
        room: UNCOUNTED,
      },
    });

  const identify = async (
    endpoint: EndpointState,
    headers: AuthHeaders,
  ): Promise<ClusterIdentity | Answer> => {
    const answer = await ask(endpoint, headers, CLUSTER.status, {});
    const status = await dataOf(CLUSTER.status, answer);
    if (status) return identityIn(status);
    if (answer.status !== 403) return answer;
    // Without Sys.Audit the cluster's name stays hidden, but its nodes do not.
    const list = await ask(endpoint, headers, CLUSTER.resources, { type: 'node' });
    const rows = await dataOf(CLUSTER.resources, list);
    return rows ? { name: undefined, nodes: rows.map(({ node }) => node) } : list;
  };

  /** @returns the answer of PVE if it does not accept the credentials (any longer) */
  const verify = async (endpoint: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const found = await identify(endpoint, headers);
    if ('status' in found) {
      if (found.status === 401) return found;
      throw new ExchangeFailure(String(found.status), false, undefined);
    }
    if (isExpectedCluster(found)) return undefined;
    const other = new OtherClusterError(found);
    throw new ExchangeFailure(other.code, false, other);
  };

  const verifyOnce = async (endpoint: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const verification = (endpoint.verification ??= verify(endpoint, headers));
    let verified = false;
    try {
      const refusal = await verification;
      verified = refusal === undefined;
      return refusal;
    } catch (error) {
      // The waiting request was not sent, regardless of the check's outcome.
      throw error instanceof ExchangeFailure ? new ExchangeFailure(error.code, false, error.cause) : error;
    } finally {
      if (!verified && endpoint.verification === verification) endpoint.verification = undefined;
    }
  };

  const deliverAt = async (endpoint: EndpointState, prepared: PreparedRequest): Promise<Answer> => {
    const { headers } = prepared;
    if (endpoints.length > 1 && headers) {
      const refusal = await verifyOnce(endpoint, headers);
      if (refusal) return refusal;
      prepared.options.signal?.throwIfAborted();
    }
    return exchange(prepared.request.isCheck ? endpoint.checks : endpoint.pool, prepared);
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
          const answer = await deliverAt(endpoint, prepared);
          endpoint.failure = undefined;
          return answer;
        } catch (error) {
          if (endpoints.length === 1 || !(error instanceof ExchangeFailure)) throw error;
          // It may answer nothing any more, though it accepts connections: the next request checks it first.
          if (error.code === 'timeout') endpoint.verification = undefined;
          tried.push({ origin: endpoint.origin, failure: error });
          endpoint.failure = error;
          const other = canFailOver(error, prepared.options.harmless) ? next(endpoint, tried) : undefined;
          if (!other) throw new ExchangeFailure(error.code, error.sent, error.cause, failures());
          endpoint = other;
        }
      }
    },
    async close(grace) {
      await Promise.all(
        endpoints.flatMap(({ pool, checks }) => [closePool(pool, grace), closePool(checks, grace)]),
      );
    },
  };
}
