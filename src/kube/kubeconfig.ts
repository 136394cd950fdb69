/**
 * Where the API server is and with which credentials, from a kubeconfig or a pod's service account. client-node reads
 * the configuration and signs (files, tokens that rotate, exec plugins).
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig, type Cluster } from '@kubernetes/client-node';
import { connectionTo, type Connection, type Tls } from './connection.ts';
import { KubeError } from './errors.ts';

export interface KubeConfigSource {
  /** A kubeconfig file. Absent: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly file?: string | undefined;
  /** Absent: the file's current context. */
  readonly context?: string | undefined;
}

export function connect(source: KubeConfigSource = {}): Connection {
  const config = load(source);
  const { server, proxyUrl } = clusterOf(config);
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return connectionTo({ server, namespace, proxyUrl }, async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return { headers, tls: tlsOf(options) };
  });
}

function load({ file, context }: KubeConfigSource): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file) config.loadFromFile(file);
    else config.loadFromDefault();
  } catch (error) {
    throw unconfigured(`The kubeconfig could not be read: ${String(error)}`, error);
  }
  if (context && config.getContextObject(context) === null)
    throw unconfigured(`context "${context}" does not exist`);
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

const tlsOf = (options: RequestOptions): Tls => ({
  ca: options.ca,
  cert: options.cert,
  key: options.key,
  pfx: options.pfx,
  passphrase: options.passphrase,
  rejectUnauthorized: options.rejectUnauthorized ?? true,
  servername: options.servername,
});
