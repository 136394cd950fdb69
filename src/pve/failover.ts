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
  /** @throws ExchangeFailure, or the caller's reason when its signal ended the exchange */
  deliver(prepared: PreparedRequest): Promise<Answer>;
  close(grace: Millis): Promise<void>;
}

interface EndpointState {
  readonly origin: string;
  readonly pool: Pool;
  /** Since it came into use; shared by all requests that wait for it. Gives an answer where PVE did not let us ask. */
  admission: Promise<Answer | undefined> | undefined;
}

const DEADLINE = seconds(15);

const RESETS = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const OURS = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);

/** Whether another endpoint may be asked the same: nothing was sent, or nothing could be changed by it. */
const canFailOver = ({ code, sent }: ExchangeFailure, harmless: boolean): boolean =>
  !OURS.has(code) && (!sent || (harmless && RESETS.has(code)));

export function createFailover(options: FailoverOptions): Failover {
  const { origins, tls, exchange, admits } = options;
  const siteAt = (origin: string): EndpointState => ({
    origin,
    pool: createPool(origin, tls),
    admission: undefined,
  });
  const first = siteAt(origins[0]);
  const sites = [first, ...origins.slice(1).map(siteAt)];
  let current = first;

  const moveTo = (site: EndpointState): void => {
    if (site === current) return;
    current = site;
    options.onMoved(site.origin);
  };

  /** Where to go from an endpoint that failed; `undefined` when all have. */
  const next = (failed: EndpointState, tried: readonly TriedEndpoint[]): EndpointState | undefined => {
    const isNew = (site: EndpointState): boolean => !tried.some(({ origin }) => origin === site.origin);
    failed.admission = undefined;
    const found = isNew(current) ? current : sites.find(isNew);
    if (current === failed) moveTo(found ?? first);
    return found;
  };

  const ask = (
    site: EndpointState,
    headers: AuthHeaders,
    endpoint: Endpoint,
    params: Params,
  ): Promise<Answer> =>
    exchange(site.pool, {
      route: endpoint.path,
      request: toRequest(endpoint, params, undefined),
      headers,
      options: { deadline: DEADLINE, signal: undefined, harmless: true },
    });

  const identify = async (site: EndpointState, headers: AuthHeaders): Promise<ClusterIdentity | Answer> => {
    const answer = await ask(site, headers, CLUSTER.status, {});
    const status = dataOf(CLUSTER.status.reply, answer);
    if (status) return identityIn(status);
    if (answer.status !== 403) return answer;
    // Without Sys.Audit the cluster's name stays hidden, but its nodes do not.
    const list = await ask(site, headers, CLUSTER.resources, { type: 'node' });
    const rows = dataOf(CLUSTER.resources.reply, list);
    return rows ? { name: undefined, nodes: rows.map(({ node }) => node) } : list;
  };

  /** @returns the answer of PVE to somebody whom it does not know (any longer) */
  const admit = async (site: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const found = await identify(site, headers);
    if ('status' in found) {
      if (found.status === 401) return found;
      throw new ExchangeFailure(String(found.status), false, undefined);
    }
    if (admits(found)) return undefined;
    const other = new OtherCluster(found);
    throw new ExchangeFailure(other.code, false, other);
  };

  const admittedTo = async (site: EndpointState, headers: AuthHeaders): Promise<Answer | undefined> => {
    const admission = (site.admission ??= admit(site, headers));
    let admitted = false;
    try {
      const refusal = await admission;
      admitted = refusal === undefined;
      return refusal;
    } catch (error) {
      // What is waiting for this was not sent, whatever became of the question.
      throw error instanceof ExchangeFailure ? new ExchangeFailure(error.code, false, error.cause) : error;
    } finally {
      if (!admitted && site.admission === admission) site.admission = undefined;
    }
  };

  const deliverAt = async (site: EndpointState, prepared: PreparedRequest): Promise<Answer> => {
    const { headers } = prepared;
    if (sites.length > 1 && headers) {
      const refusal = await admittedTo(site, headers);
      if (refusal) return refusal;
      prepared.options.signal?.throwIfAborted();
    }
    return exchange(site.pool, prepared);
  };

  return {
    get origin() {
      return current.origin;
    },
    async deliver(prepared) {
      const tried: TriedEndpoint[] = [];
      for (let site: EndpointState = current; ;) {
        try {
          return await deliverAt(site, prepared);
        } catch (error) {
          if (sites.length === 1 || !(error instanceof ExchangeFailure)) throw error;
          tried.push({ origin: site.origin, failure: error });
          const other = canFailOver(error, prepared.options.harmless) ? next(site, tried) : undefined;
          if (!other) throw new ExchangeFailure(error.code, error.sent, error.cause, tried);
          site = other;
        }
      }
    },
    async close(grace) {
      await Promise.all(sites.map(({ pool }) => closePool(pool, grace)));
    },
  };
}
