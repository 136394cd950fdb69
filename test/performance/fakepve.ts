/**
 * How fast the fake Proxmox VE is with 10,000 guests on 50 nodes and one core: `node test/performance/fakepve.ts`.
 * Ends with 1 if a goal is missed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Pool } from 'undici';

const GUESTS = 10_000;
const NODES = 50;
const GOAL = { resourcesMs: 150, perSecond: 500 };
/** Small requests are sent on this many connections, for this long. */
const CONNECTIONS = 8;
const LOAD_MS = 5000;
const LISTS = 20;
const CLI = resolve(import.meta.dirname, '../fakepve/cli.ts');
const LIMITED = 'operator@pve!token';
const SECRET = '00000000-0000-4000-8000-000000000000';

const vmid = (index: number): number => 100 + index;
const nodeOf = (index: number): string => `n${(index % NODES) + 1}`;

/** Half of the guests run; a tenth is in pools, as the rights of the second token see to. */
const cluster = {
  name: 'big',
  nodes: Array.from({ length: NODES }, (_, i) => ({ name: nodeOf(i), cpus: 64, memory: '512G' })),
  storages: [
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true, size: '400T' },
    { id: 'local', type: 'dir', content: ['iso', 'import'] },
  ],
  guests: Array.from({ length: GUESTS }, (_, i) => ({
    vmid: vmid(i),
    node: nodeOf(i),
    running: i % 2 === 0,
    config: {
      ...{ name: `vm-${i}`, cores: 2, memory: 2048, agent: '1', tags: 'blue;green' },
      ...{ scsi0: 'ceph:8', net0: 'virtio,bridge=vmbr0' },
    },
  })),
  pools: Array.from({ length: 20 }, (_, i) => ({
    id: `pool${i}`,
    vms: Array.from({ length: GUESTS / 200 }, (_unused, k) => vmid(i * 50 + k)),
  })),
  users: [{ id: 'operator@pve' }],
  tokens: [{ id: 'root@pam!operator' }, { id: LIMITED, secret: SECRET, privsep: true }],
  acls: ['/vms', '/nodes', '/storage', '/sdn/zones/localnetwork', '/pool/pool1'].flatMap((path) => [
    { path, role: 'PVEAdmin', user: 'operator@pve' },
    { path, role: 'PVEAdmin', token: LIMITED },
  ]),
};

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
}

/** On one core, where the system can bind a process to one. */
async function start(dir: string): Promise<Server> {
  const file = join(dir, 'cluster.json');
  writeFileSync(file, JSON.stringify(cluster));
  const fake = [CLI, '--port', '0', '--cluster', file, '--requests', join(dir, 'requests.ndjson')];
  const pinned = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  console.log(pinned ? 'the fake runs on one core' : 'there is no taskset here: the fake runs on all cores');
  const [command = '', ...args] = [...(pinned ? ['taskset', '-c', '0'] : []), process.execPath, ...fake];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url, token] = /^fake PVE listening on (\S+) token (\S+)$/.exec(line) ?? [];
    if (url !== undefined && token !== undefined) return { child, url, token };
  }
  throw new Error('the fake ended before it served');
}

class Client {
  private readonly pool: Pool;
  private readonly headers: Readonly<Record<string, string>>;

  constructor(url: string, token: string) {
    this.pool = new Pool(url, { connections: CONNECTIONS, connect: { rejectUnauthorized: false } });
    this.headers = { authorization: `PVEAPIToken=${token}` };
  }

  /** Milliseconds until the last byte. */
  async time(path: string): Promise<number> {
    const from = performance.now();
    const { statusCode, body } = await this.pool.request({
      method: 'GET',
      path: `/api2/json${path}`,
      headers: this.headers,
    });
    const { byteLength } = await body.arrayBuffer();
    if (statusCode !== 200 || byteLength === 0) throw new Error(`${path} was answered with ${statusCode}`);
    return performance.now() - from;
  }

  async close(): Promise<void> {
    await this.pool.close();
  }
}

function percentile(times: readonly number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}

/** The longest time of all. */
async function measureLists(name: string, client: Client): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i <= LISTS; i += 1) times.push(await client.time('/cluster/resources'));
  const [first = 0, ...later] = times;
  console.log(
    `/cluster/resources as ${name}: first ${first.toFixed(1)} ms, then p50 ${percentile(later, 0.5)} ms, ` +
      `p95 ${percentile(later, 0.95)} ms, max ${Math.max(...later).toFixed(1)} ms`,
  );
  return Math.max(...times);
}

/** Requests a second. */
async function measureSmall(name: string, client: Client, paths: readonly string[]): Promise<number> {
  const times: number[] = [];
  const from = performance.now();
  const worker = async (offset: number): Promise<void> => {
    for (let i = offset; performance.now() - from < LOAD_MS; i += CONNECTIONS)
      times.push(await client.time(paths[i % paths.length] ?? ''));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => worker(i)));
  const rate = times.length / ((performance.now() - from) / 1000);
  console.log(
    `small requests as ${name}: ${rate.toFixed(0)} a second on ${CONNECTIONS} connections, ` +
      `p50 ${percentile(times, 0.5)} ms, p95 ${percentile(times, 0.95)} ms`,
  );
  return rate;
}

/** Configurations, states and one task's status, spread over guests. */
async function smallPaths({ url, token }: Server): Promise<readonly string[]> {
  const pool = new Pool(url, { connect: { rejectUnauthorized: false } });
  const { body } = await pool.request({
    method: 'POST',
    path: `/api2/json/nodes/${nodeOf(1)}/qemu/${vmid(1)}/status/start`,
    headers: { authorization: `PVEAPIToken=${token}` },
  });
  const { data: upid } = (await body.json()) as { data: string };
  await pool.close();
  const task = `/nodes/${nodeOf(1)}/tasks/${encodeURIComponent(upid)}/status`;
  return Array.from({ length: 997 }, (_, i) => i * 10).flatMap((i) => {
    const guest = `/nodes/${nodeOf(i)}/qemu/${vmid(i)}`;
    return [`${guest}/config`, `${guest}/status/current`, task];
  });
}

async function measure(server: Server): Promise<boolean> {
  const tokens = { root: server.token, 'a token with rights of its own': `${LIMITED}=${SECRET}` };
  const slowest: number[] = [];
  const rates: number[] = [];
  const clients = Object.entries(tokens).map(([name, token]) => ({
    name,
    client: new Client(server.url, token),
  }));
  for (const { name, client } of clients) slowest.push(await measureLists(name, client));
  const paths = await smallPaths(server);
  for (const { name, client } of clients) rates.push(await measureSmall(name, client, paths));
  for (const { client } of clients) await client.close();
  return Math.max(...slowest) < GOAL.resourcesMs && Math.min(...rates) >= GOAL.perSecond;
}

const dir = mkdtempSync(join(tmpdir(), 'fakepve-performance-'));
const from = performance.now();
const server = await start(dir);
try {
  console.log(`${GUESTS} guests on ${NODES} nodes: serves after ${(performance.now() - from).toFixed(0)} ms`);
  const met = await measure(server);
  const goals = `every /cluster/resources under ${GOAL.resourcesMs} ms, ${GOAL.perSecond} requests a second`;
  console.log(`${met ? 'met' : 'MISSED'}: ${goals}`);
  process.exitCode = met ? 0 : 1;
} finally {
  const ended = once(server.child, 'exit');
  server.child.kill();
  await ended;
  rmSync(dir, { recursive: true });
}
