import { buildWorld } from './build-world.ts';
import { RunningClock } from './clock.ts';
import { makeCertificate } from './certificate.ts';
import { isShipped, parseCluster, readClusterFile, shippedCluster } from './cluster-file.ts';
import { readLatency } from './latency.ts';
import { OutsideWorld } from './outside-world.ts';
import { RequestLog } from './request-log.ts';
import { NEWEST, versions } from './schema/versions.ts';
import { warmUp } from './routes/cluster.ts';
import { makeServer } from './server.ts';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:https';
import type { Clock } from './clock.ts';
import type { Cluster, ClusterInput, ShippedCluster } from './cluster-file.ts';
import type { FaultInput } from './fault-rules.ts';
import type { LatencyInput } from './latency.ts';
import type { LoggedRequest } from './request-log.ts';
import type { World } from './world.ts';

export interface FakePveOptions {
  /** A description, its path, or the name of an included one; default: the demo cluster `document`. */
  readonly cluster?: ClusterInput | ShippedCluster | (string & {});
  /** Default: any free port. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Additional names and addresses in the certificate. */
  readonly names?: readonly string[];
  /** Logs every request to this file as a line of JSON. */
  readonly requestsFile?: string;
  /** Default: close to a real cluster; `instant` and `quick` suit tests. */
  readonly latency?: LatencyInput;
  /** MACs, UUIDs, process IDs and secrets are derived from it. */
  readonly seed?: string | number;
  /** The version of PVE whose API is spoken, one of `versions`; default: the newest, which is the one that is modelled. */
  readonly pve?: string;
  /** Default: the machine's clock; a `ManualClock` only moves when it is advanced. */
  readonly clock?: Clock;
}

export interface FakePve {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** `USER@REALM!ID=SECRET` */
  readonly token: string;
  readonly tokenId: string;
  readonly tokenSecret: string;
  /** PEM to trust. */
  readonly ca: string;
  /** SHA-256 of the certificate, `AA:BB:…`. */
  readonly fingerprint: string;
  /** Guests, volumes, tasks and everything else; a new object after a reset. */
  readonly state: World;
  readonly faults: {
    add: (rule: FaultInput) => void;
    clear: () => void;
    /** The request rules that no request has matched yet. */
    unstruck: () => readonly FaultInput[];
  };
  readonly requests: readonly LoggedRequest[];
  readonly clock: Clock;
  /** Changes in the cluster that are not made by the client. */
  readonly outside: OutsideWorld;
  addGuest: OutsideWorld['addGuest'];
  /** Restores the initial state of the cluster, or switches to another one. */
  reset: (cluster?: FakePveOptions['cluster']) => Promise<void>;
  close: () => Promise<void>;
}

function readCluster(given: unknown): Cluster {
  if (given === undefined) return shippedCluster('document');
  if (isShipped(given)) return shippedCluster(given);
  return typeof given === 'string' ? readClusterFile(given) : parseCluster(given);
}

function knownVersion(version: string): string {
  if (versions.includes(version)) return version;
  throw new Error(`the API of Proxmox VE ${version} is not known: choose one of ${versions.join(', ')}`);
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A server that listens on all addresses can be reached on the loopback interface. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** Starts a fake Proxmox VE that serves TLS on 127.0.0.1 until it is closed. */
export async function startFakePve(options: FakePveOptions = {}): Promise<FakePve> {
  let cluster = readCluster(options.cluster);
  const certificate = makeCertificate(options.names);
  const { fingerprint } = certificate;
  const environment = {
    clock: options.clock ?? new RunningClock(),
    latency: readLatency(options.latency),
    seed: options.seed ?? 'fakepve',
    pve: knownVersion(options.pve ?? NEWEST),
    fingerprint,
  };
  let world = buildWorld(cluster, environment);
  warmUp(world);
  const [announced] = world.access.tokens.values();
  if (!announced) throw new Error('the cluster description has no token: give it one under "tokens"');
  const reset = async (other?: unknown): Promise<void> => {
    const old = world;
    if (other !== undefined) cluster = readCluster(other);
    world = buildWorld(cluster, environment);
    warmUp(world);
    // The token remains valid after a reset.
    world.access.tokens.set(announced.id, announced);
    await old.end();
  };
  const log = new RequestLog(options.requestsFile);
  const outside = new OutsideWorld(() => world);
  const server = makeServer({ admin: { world: () => world, outside, reset }, log, certificate });
  const host = options.host ?? '127.0.0.1';
  const port = await listen(server, options.port ?? 0, host);
  return {
    url: `https://${reachable(host)}:${port}`,
    port,
    token: `${announced.id}=${announced.secret}`,
    tokenId: announced.id,
    tokenSecret: announced.secret,
    ca: certificate.cert,
    fingerprint,
    get state() {
      return world;
    },
    faults: {
      add: (rule) => world.faults.add(rule),
      clear: () => world.faults.clear(),
      unstruck: () => world.faults.unstruck(),
    },
    requests: log.requests,
    clock: environment.clock,
    outside,
    addGuest: (input) => outside.addGuest(input),
    reset,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await world.end();
    },
  };
}

export { RunningClock, ManualClock } from './clock.ts';
export { instant, quick } from './latency.ts';
export type { Clock } from './clock.ts';
export type { ClusterInput } from './cluster-file.ts';
export type { FaultInput } from './fault-rules.ts';
export type { LatencyInput } from './latency.ts';
export type { LoggedRequest } from './request-log.ts';
export type { OutsideWorld } from './outside-world.ts';
export type { World } from './world.ts';
