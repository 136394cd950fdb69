/**
 * What a dead site does to a healthy one: `node test/performance/dead-site.ts`. The bundled operator manages a few VMs
 * at a site that answers and many at one that then keeps its connections open and answers nothing any more. VMs of the
 * healthy site are edited at random; measured is the time from each edit to its request at Proxmox VE. The fake Proxmox
 * VE, the API server and the operator share the machine. Ends with 1 if the Lease was lost.
 */
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startCast, type Cast } from '../../hack/demo/cast.ts';
import { samples } from '../../hack/demo/samples.ts';
import { load } from '../../hack/measure/counters.ts';
import { figuresOf, printTable, seconds, type Row } from '../../hack/measure/table.ts';
import { shippedCluster } from '../fakepve/cluster-file.ts';
import { startFakePve } from '../fakepve/index.ts';
import { kubeApi, type KubeApi } from '../integration/harness/kube-api.ts';

const { values } = parseArgs({
  options: {
    /** VMs at the site that dies. */
    dead: { type: 'string', default: '300' },
    healthy: { type: 'string', default: '20' },
    /** Before the other site dies, and again after that. */
    edits: { type: 'string', default: '60' },
  },
});
const DEAD = Number(values.dead);
const HEALTHY = Number(values.healthy);
const EDITS = Number(values.edits);

const GROUP = '/apis/infra.virtrigaud.io/v1beta1/namespaces/default';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/virtrigaud-system/leases/virtrigaud-proxmox';
const DEADLINE_MS = 60_000;
const PAUSE_MS = 500;
const BATCH = 25;

const vmAt = (provider: string, name: string): object => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VirtualMachine',
  metadata: { name },
  spec: { providerRef: { name: provider }, classRef: { name: 'small' }, imageRef: { name: 'ubuntu-22' } },
});

function roomyCluster() {
  const cluster = shippedCluster('document');
  return {
    ...cluster,
    nodes: cluster.nodes.map((node) => ({ ...node, cpus: 256, memory: 4 * 1024 ** 4 })),
    storages: cluster.storages.map((storage) => ({ ...storage, size: 1024 ** 5 })),
  };
}
const tasks = ['cloneLinked', 'cloneFull', 'qmconfig', 'resize', 'imgcopy', 'imgdel', 'qmstart', 'guestBoot'];
const latency = Object.fromEntries(tasks.map((task) => [task, 50]));

/** Passes everything on until it dies: then it accepts connections and is silent. */
async function mortalProxy(target: URL) {
  const sockets = new Set<Socket>();
  let isDead = false;
  const server = createServer((inner) => {
    sockets.add(inner);
    inner.on('error', () => undefined);
    if (isDead) return;
    const outer = connect(Number(target.port), target.hostname);
    sockets.add(outer);
    outer.on('error', () => undefined);
    inner.pipe(outer).pipe(inner);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    die() {
      isDead = true;
      for (const socket of sockets) socket.unpipe();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const Vms = z.object({
  items: z.array(
    z.object({
      spec: z.object({ providerRef: z.object({ name: z.string() }) }),
      metadata: z.object({ name: z.string() }),
      status: z.object({ vmid: z.number().optional(), phase: z.string().optional() }).default({}),
    }),
  ),
});
const Lease = z.object({
  spec: z.object({ holderIdentity: z.string(), leaseTransitions: z.number(), renewTime: z.string() }),
});

const vmsOf = async (api: KubeApi, provider: string) =>
  Vms.parse(JSON.parse((await api.get(`${GROUP}/virtualmachines`)) ?? '{}')).items.filter(
    ({ spec }) => spec.providerRef.name === provider,
  );

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10 * 60_000;
  while (!(await isSo())) {
    if (cast.operator.exitCode !== null) throw new Error(`The operator ended: ${await cast.lastLines(2)}`);
    if (Date.now() > end) throw new Error(`${what}: not within ten minutes.`);
    await sleep(1000);
  }
}

/** A few at a time: what is measured begins later. */
async function make(
  api: KubeApi,
  { provider, name, count }: { readonly provider: string; readonly name: string; readonly count: number },
): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    const last = Math.min(count, first + BATCH);
    for (let n = first; n < last; n += 1)
      await api.apply(`${GROUP}/virtualmachines/${name}-${n}`, vmAt(provider, `${name}-${n}`));
    await until(`${last} VMs of ${provider}`, async () => {
      const vms = await vmsOf(api, provider);
      return vms.every(({ status }) => status.vmid !== undefined && status.phase === 'Running');
    });
    process.stderr.write(`${provider}: ${last} of ${count} (load ${load()})\n`);
  }
}

/** From an edit to the request that follows from it, in ms. Without one it counts with the deadline. */
async function edit(cast: Cast, api: KubeApi, vm: { name: string; vmid: number }): Promise<number> {
  const from = cast.fake.requests.length;
  const tag = `t${Math.floor(Math.random() * 1e9)}`;
  const began = performance.now();
  await api.patch(`${GROUP}/virtualmachines/${vm.name}`, { spec: { tags: [tag] } });
  while (performance.now() - began < DEADLINE_MS) {
    const isSent = cast.fake.requests
      .slice(from)
      .some(({ method, path }) => method !== 'GET' && path.endsWith(`/qemu/${vm.vmid}/config`));
    if (isSent) return performance.now() - began;
    await sleep(2);
  }
  return DEADLINE_MS;
}

async function edits(cast: Cast, api: KubeApi): Promise<readonly number[]> {
  const vms = (await vmsOf(api, 'proxmox-prod')).flatMap(({ metadata, status }) =>
    status.vmid === undefined ? [] : [{ name: metadata.name, vmid: status.vmid }],
  );
  const all: number[] = [];
  while (all.length < EDITS) {
    const vm = vms[Math.floor(Math.random() * vms.length)];
    if (vm) all.push(await edit(cast, api, vm));
    await sleep(Math.random() * PAUSE_MS);
  }
  return all;
}

/** Who held the Lease, and the longest time in which it was not renewed. */
function followLease(api: KubeApi) {
  const holders = new Set<string>();
  let [isOver, renewed, longest] = [false, '', 0];
  let since = performance.now();
  const following = (async () => {
    while (!isOver) {
      await sleep(250);
      const text = await api.get(LEASE).catch(() => undefined);
      if (text === undefined) continue;
      const { holderIdentity, leaseTransitions, renewTime } = Lease.parse(JSON.parse(text)).spec;
      holders.add(`${holderIdentity} ${leaseTransitions}`);
      if (renewTime !== renewed) since = performance.now();
      renewed = renewTime;
      longest = Math.max(longest, performance.now() - since);
    }
  })();
  return {
    async end() {
      isOver = true;
      await following;
      return { isLost: holders.size > 1, longest };
    },
  };
}

const rows: Row[] = [];
const tell = (row: Omit<Row, 'load'>): void => {
  rows.push({ ...row, load: load() });
  process.stderr.write(`${row.what}: ${row.figure} (load ${load()})\n`);
};
const cast = await startCast({
  requestsFile: undefined,
  say: () => undefined,
  logFormat: 'json',
  pve: { cluster: roomyCluster(), latency },
});
const site = await startFakePve({ cluster: roomyCluster(), latency });
const proxy = await mortalProxy(new URL(site.url));
const api = await kubeApi(cast.plane.kubeconfig);
let isLost: boolean;
try {
  for (const { file, text } of await samples({ endpoint: cast.fake.url }))
    if (/^(00|01|04|07|10)-/.test(file)) await cast.plane.kubectl(['apply', '-f', '-'], { input: text });
  await cast.plane.kubectl(['delete', 'vm', '--all']);
  await api.apply(`${GROUP}/providers/dying`, {
    apiVersion: 'infra.virtrigaud.io/v1beta1',
    kind: 'Provider',
    metadata: { name: 'dying' },
    spec: {
      type: 'proxmox',
      endpoint: `https://127.0.0.1:${proxy.port}`,
      credentialSecretRef: { name: 'pve-credentials' },
      insecureSkipVerify: true,
    },
  });
  await make(api, { provider: 'proxmox-prod', name: 'healthy', count: HEALTHY });
  await make(api, { provider: 'dying', name: 'dead', count: DEAD });
  const lease = followLease(api);
  tell({ what: `edit to request, both sites healthy`, figure: figuresOf(await edits(cast, api)).text });
  proxy.die();
  tell({
    what: `edit to request, beside a dead site of ${DEAD} VMs, from its death on`,
    figure: figuresOf(await edits(cast, api)).text,
  });
  const { longest, ...held } = await lease.end();
  isLost = held.isLost;
  tell({
    what: 'Lease',
    figure: isLost ? 'lost' : 'never lost',
    note: `the longest time without a renewal was ${seconds(longest)}`,
  });
} finally {
  printTable(rows);
  await api.close();
  proxy.close();
  await site.close();
  await cast.stop();
}
process.exit(isLost ? 1 : 0);
