/**
 * Where the API server is and how to connect to it. client-node reads the configuration and signs (files, tokens
 * that rotate, exec plugins); the connections are ours, because it opens a new one for every request.
 */
import type { RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig, type Cluster } from '@kubernetes/client-node';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { KubeError } from './errors.ts';

export interface KubeConfigSource {
  /** A kubeconfig file. Absent: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly file?: string | undefined;
  /** Absent: the file's current context. */
  readonly context?: string | undefined;
}

export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
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

export function connect(source: KubeConfigSource = {}): Connection {
  const config = load(source);
  const cluster = clusterOf(config);
  const current = new Map<Lane, { readonly tls: Tls; readonly dispatcher: Dispatcher }>();

  function dispatcherFor(lane: Lane, tls: Tls): Dispatcher {
    const known = current.get(lane);
    if (known && isDeepStrictEqual(known.tls, tls)) return known.dispatcher;
    void known?.dispatcher.close(); // running requests and watches come to their end on the old one
    const dispatcher = pool(cluster.proxyUrl, tls, CONNECTIONS[lane]);
    current.set(lane, { tls, dispatcher });
    return dispatcher;
  }

  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    async sign(lane = 'shared') {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const headers = Object.fromEntries(
        Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
      );
      if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      return { headers, dispatcher: dispatcherFor(lane, tlsOf(options)) };
    },
    async close() {
      await Promise.all([...current.values()].map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}

function load({ file, context }: KubeConfigSource): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file) config.loadFromFile(file);
    else config.loadFromDefault();
  } catch (error) {
    throw unconfigured(`The kubeconfig could not be read: ${String(error)}`, error);
  }
  if (context) config.setCurrentContext(context);
  return config;
}

function clusterOf(config: KubeConfig): Cluster {
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw unconfigured(
      `The kubeconfig has no cluster for its context "${config.getCurrentContext()}". Choose another context, or correct the file.`,
    );
  if (cluster.server === NOTHING_FOUND)
    throw unconfigured(
      'There is no Kubernetes configuration: neither KUBECONFIG, nor ~/.kube/config, nor the service account of a pod.',
    );
  if (cluster.proxyUrl?.startsWith('socks'))
    throw unconfigured(
      'The kubeconfig names a SOCKS proxy, which is not supported. Use an HTTP proxy, or none.',
    );
  return cluster;
}

/** What client-node makes up when it finds no configuration. */
const NOTHING_FOUND = 'http://localhost:8080';

const unconfigured = (message: string, cause?: unknown): KubeError =>
  new KubeError({ status: 0, reason: 'NoConfiguration', message }, { cause });

type Tls = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

const tlsOf = (options: RequestOptions): Tls => ({
  ca: options.ca,
  cert: options.cert,
  key: options.key,
  pfx: options.pfx,
  passphrase: options.passphrase,
  rejectUnauthorized: options.rejectUnauthorized ?? true,
  servername: options.servername,
});

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
