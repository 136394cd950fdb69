/** The connections to an API server. They are ours, because client-node opens a new one for every request. */
import type { RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';

export interface Signed {
  /** A list is sent as one header for each of its values. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly dispatcher: Dispatcher;
}

/**
 * The Lease is renewed on connections of its own: a leader that is busy must not lose it for being busy. Each watch
 * keeps a connection for itself, so however many there are they leave room for requests.
 */
export type Lane = 'shared' | 'watch' | 'lease';

export interface Connection {
  readonly server: string;
  /** The namespace of the context, or of the pod. */
  readonly namespace: string;
  /** Asked before every request: credentials and certificates may have changed since the last one. */
  sign(lane?: Lane): Promise<Signed>;
  close(): Promise<void>;
}

/** `null`: as many as are asked for. */
const CONNECTIONS: Readonly<Record<Lane, number | null>> = { shared: 64, watch: null, lease: 2 };
/** Streams end by their own timers, everything else by a deadline. */
const NEVER = 0;

export type Tls = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

/** Where the API server is. */
export interface Target {
  readonly server: string;
  readonly namespace: string;
  /** An HTTP proxy. */
  readonly proxyUrl?: string | undefined;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Tls;
}

/** @param credentials as they are now */
export function connectionTo(
  { server, namespace, proxyUrl }: Target,
  credentials: () => Promise<Credentials>,
): Connection {
  const current = new Map<Lane, { readonly tls: Tls; readonly dispatcher: Dispatcher }>();

  function dispatcherFor(lane: Lane, tls: Tls): Dispatcher {
    const known = current.get(lane);
    if (known && isDeepStrictEqual(known.tls, tls)) return known.dispatcher;
    // Throws for a key and a certificate that do not belong together, as during their rotation: the old ones stay.
    const dispatcher = pool(proxyUrl, tls, CONNECTIONS[lane]);
    current.set(lane, { tls, dispatcher });
    // Running requests and watches come to their end on the old one.
    known?.dispatcher.close().catch(() => undefined);
    return dispatcher;
  }

  return {
    server,
    namespace,
    async sign(lane = 'shared') {
      const { headers, tls } = await credentials();
      return { headers, dispatcher: dispatcherFor(lane, tls) };
    },
    async close() {
      await Promise.all([...current.values()].map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}

function pool(proxy: string | undefined, tls: Tls, connections: number | null): Dispatcher {
  const settings = {
    connections,
    allowH2: false, // one stalled HTTP/2 connection would stall every watch and every pass with it
    headersTimeout: NEVER,
    bodyTimeout: NEVER,
  };
  return proxy
    ? new ProxyAgent({ ...settings, uri: proxy, requestTls: tls })
    : new Agent({
        ...settings,
        connect: {
          // Certificates are parsed once, not for every connection.
          secureContext: createSecureContext(tls),
          rejectUnauthorized: tls.rejectUnauthorized,
          servername: tls.servername,
          keepAlive: true,
          keepAliveInitialDelay: 30_000,
        },
      });
}
