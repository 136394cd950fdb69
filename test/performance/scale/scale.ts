/**
 * `make scale`: N settled VMs at several sites, and what they cost an operator that is started then: how long it takes
 * until each was judged, memory, CPU, requests and writes at rest, one edit among them, a node that goes away, and
 * another operator that takes over. API server and fakes share the machine with it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startControlPlane, type ControlPlane } from '../../../hack/control-plane/index.ts';
import { run } from '../../../hack/control-plane/run.ts';
import { load } from '../../../hack/measure/counters.ts';
import { printTable, type Row } from '../../../hack/measure/table.ts';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { startFakePve } from '../../fakepve/index.ts';
import { kubeApi, type KubeApi } from '../../integration/harness/kube-api.ts';
import { startOperator, sumOf, type Operator } from './operator.ts';
import { GROUP, manifest, populate, readVm, type Site, type Vm } from './population.ts';

const { values } = parseArgs({
  options: {
    vms: { type: 'string', default: '10000' },
    providers: { type: 'string', default: '5' },
    /** Of each Provider. */
    nodes: { type: 'string', default: '10' },
    /** Seconds at rest that are measured. */
    rest: { type: 'string', default: '60' },
    /** End with 1 if a goal is missed. */
    goals: { type: 'boolean', default: false },
  },
});
const VMS = Number(values.vms);
const REST_S = Number(values.rest);
const GOALS = { syncedS: 15, memoryMb: 256, cpuShare: 0.05, editFactor: 1.2 };
const ROOT = join(import.meta.dirname, '../../..');
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function clusterOf(name: string) {
  const demo = shippedCluster('document');
  const [node] = demo.nodes;
  if (!node) throw new Error('the demo cluster has no node');
  const nodes = Array.from({ length: Number(values.nodes) }, (_, at) => ({
    ...node,
    name: `pve-${at + 1}`,
    cpus: 4096,
    memory: 64 * 1024 ** 4,
  }));
  const storages = demo.storages.map((storage) => ({ ...storage, size: 1024 ** 5 }));
  return { ...demo, name, nodes, storages };
}

async function install(plane: ControlPlane): Promise<void> {
  for (const args of [
    ['apply', '--server-side', '-f', join(ROOT, 'crds')],
    ['wait', '--for=condition=Established', '--timeout=60s', '-f', join(ROOT, 'crds')],
    ['create', 'namespace', 'virtrigaud-system'],
  ]) {
    const { code, stderr } = await plane.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr}`);
  }
}

async function startSite(api: KubeApi, at: number): Promise<Site> {
  const provider = `site-${at}`;
  const fake = await startFakePve({ cluster: clusterOf(provider), latency: {} });
  const secret = { token_id: fake.tokenId, token_secret: fake.tokenSecret, 'ca.crt': fake.ca };
  await api.apply(`/api/v1/namespaces/default/secrets/${provider}`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: provider },
    stringData: secret,
  });
  const spec = { type: 'proxmox', endpoint: fake.url, credentialSecretRef: { name: provider } };
  await api.apply(`${GROUP}/providers/${provider}`, manifest('Provider', provider, spec));
  return { provider, fake, nodes: [...fake.state.nodes.keys()] };
}

async function seedAt(api: KubeApi, { provider }: Site): Promise<Vm> {
  const name = `seed-${provider}`;
  const spec = {
    providerRef: { name: provider },
    classRef: { name: 'small' },
    imageRef: { name: 'ubuntu' },
    networks: [{ name: 'lan', bridge: 'vmbr0' }],
    // The digests of what a guest was given are its own, so copies do not have them.
    userData: { onChange: 'Ignore' },
  };
  await api.apply(`${GROUP}/virtualmachines/${name}`, manifest('VirtualMachine', name, spec));
  for (;;) {
    const vm = await readVm(api, name);
    if (JSON.stringify(vm?.status ?? {}).includes('"reason":"Connected"') && vm) return vm;
    await sleep(200);
  }
}

/** Until it is so; in ms. */
async function until(holds: () => Promise<boolean>, everyMs = 100): Promise<number> {
  const began = performance.now();
  while (!(await holds())) await sleep(everyMs);
  return performance.now() - began;
}

/** Passes over VMs since the start of the process. */
const passesOf = async (operator: Operator): Promise<number> =>
  sumOf(await operator.metrics(), 'virtrigaud_manager_reconcile_total', /VirtualMachine|virtualmachine/);

const apiWrites = async (plane: ControlPlane): Promise<number> => {
  const { stdout } = await plane.kubectl(['get', '--raw', '/metrics']);
  return stdout
    .split('\n')
    .filter((line) => /^apiserver_request_total\{.*group="infra\.virtrigaud\.io"/.test(line))
    .filter((line) => /verb="(POST|PUT|PATCH|APPLY|DELETE)"/.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
};

/** Until nothing was written for a while. */
async function untilQuiet(plane: ControlPlane): Promise<void> {
  let before = -1;
  for (let same = 0; same < 4;) {
    await sleep(5000);
    const now = await apiWrites(plane);
    same = now === before ? same + 1 : 0;
    before = now;
  }
}

/** A VM, and the fake that has its guest. */
interface Edited {
  readonly name: string;
  readonly site: Site;
}

/** From the edit until its request has arrived at Proxmox VE, in ms. */
async function edit(api: KubeApi, { name, site }: Edited): Promise<number> {
  const vmid = (await readVm(api, name))?.status.vmid ?? 0;
  const began = performance.now();
  const description = `edited at ${Math.round(began)}`;
  await api.patch(`${GROUP}/virtualmachines/${name}`, { spec: { description } });
  const has = () =>
    site.fake.state.guests.get(vmid)?.config.get('description')?.includes(description) === true;
  await until(() => Promise.resolve(has()), 5);
  return performance.now() - began;
}

const middle = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN;

async function editTimes(api: KubeApi, all: readonly Edited[]): Promise<number> {
  const times: number[] = [];
  for (const each of all) {
    times.push(await edit(api, each));
    await sleep(300);
  }
  return middle(times);
}

const rows: Row[] = [];
const missed: string[] = [];
function report(
  what: string,
  figure: string,
  goal?: { readonly text: string; readonly isMet: boolean },
): void {
  const note = goal ? `${goal.isMet ? 'met' : 'MISSED'}: ${goal.text}` : '';
  rows.push({ what, figure, load: load(), note });
  say(`${what}: ${figure} ${note}`);
  if (goal && !goal.isMet) missed.push(what);
}
const s = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const dir = await mkdtemp(join(tmpdir(), 'virtrigaud-scale-'));
const log = join(dir, 'operator.log');
const built = await run(process.execPath, [join(ROOT, 'hack/bundle.ts'), 'operator'], { cwd: ROOT });
if (built.code !== 0) throw new Error(built.stderr);
const plane = await startControlPlane({ log: say });
const api = await kubeApi(plane.kubeconfig);
const sites: Site[] = [];
let operator: Operator | undefined;
let standby: Operator | undefined;
try {
  await install(plane);
  await api.apply(`${GROUP}/vmclasses/small`, manifest('VMClass', 'small', { cpus: 2, memory: '2Gi' }));
  await api.apply(
    `${GROUP}/vmimages/ubuntu`,
    manifest('VMImage', 'ubuntu', { source: 'ubuntu-22-template' }),
  );
  for (let at = 0; at < Number(values.providers); at += 1) sites.push(await startSite(api, at));
  operator = await startOperator(plane, { name: 'first', log });
  const settled = await Promise.all(sites.map(async (site) => ({ ...site, seed: await seedAt(api, site) })));
  const seeds = [...sites, ...sites].map((site) => ({ name: `seed-${site.provider}`, site }));
  const few = await editTimes(api, seeds);
  report(`an edit among ${sites.length} VMs`, s(few));
  await operator.end('SIGTERM');

  await populate(api, settled, { count: VMS, say });
  const requests = (): number => sites.reduce((sum, { fake }) => sum + fake.requests.length, 0);
  const changed = (): number =>
    sites.reduce((sum, { fake }) => sum + fake.requests.filter(({ method }) => method !== 'GET').length, 0);
  say('the operator records what a copy of a status cannot have');
  operator = await startOperator(plane, { name: 'first', log });
  await untilQuiet(plane);
  await operator.end('SIGTERM');
  const [writesBefore, changesBefore] = [await apiWrites(plane), changed()];
  operator = await startOperator(plane, { name: 'first', log });
  const running = operator;
  const synced = await until(async () => (await passesOf(running)) >= VMS + sites.length, 200);
  report(`start until ${VMS} VMs were judged`, s(synced), {
    text: `${GOALS.syncedS} s`,
    isMet: synced <= GOALS.syncedS * 1000,
  });
  report(
    'memory then',
    `${(await running.memoryMb()).toFixed(0)} MB (peak ${(await running.peakMb()).toFixed(0)})`,
  );
  await sleep(15_000);

  const before = { cpu: await running.cpuSeconds(), requests: requests(), writes: await apiWrites(plane) };
  await sleep(REST_S * 1000);
  const share = ((await running.cpuSeconds()) - before.cpu) / REST_S;
  report(`CPU at rest, over ${REST_S} s`, `${(share * 100).toFixed(1)} % of a core`, {
    text: `${GOALS.cpuShare * 100} %`,
    isMet: share <= GOALS.cpuShare,
  });
  const minutes = REST_S / 60;
  report(
    'requests to Proxmox VE at rest',
    `${((requests() - before.requests) / minutes).toFixed(0)} a minute`,
  );
  report('writes to the API server at rest', `${(await apiWrites(plane)) - before.writes}`);
  report(
    'memory at rest',
    `${(await running.memoryMb()).toFixed(0)} MB (peak ${(await running.peakMb()).toFixed(0)})`,
    {
      text: `${GOALS.memoryMb} MB`,
      isMet: (await running.memoryMb()) <= GOALS.memoryMb,
    },
  );
  report(
    'writes and changes since the start',
    `${(await apiWrites(plane)) - writesBefore} and ${changed() - changesBefore}`,
  );

  const edited = sites.flatMap((site, at) =>
    [at, at + VMS - sites.length].map((number) => ({ name: `vm-${number}`, site })),
  );
  const many = await editTimes(api, edited);
  report(`an edit among ${VMS} VMs`, s(many), {
    text: `${GOALS.editFactor} times that among ${sites.length}, ${s(few)}`,
    isMet: many <= few * GOALS.editFactor + 50,
  });

  const [site] = sites;
  const lost = site?.nodes.at(-1) ?? '';
  const affected = [...(site?.fake.state.guests.values() ?? [])].filter(({ node }) => node === lost);
  const wrote = await apiWrites(plane);
  site?.fake.faults.add({ kind: 'nodeOffline', node: lost });
  const [first] = affected;
  const named = first?.config.get('name') ?? '';
  const seen = await until(async () => {
    const text = JSON.stringify((await readVm(api, named))?.status ?? {});
    return /"reason":"(NodeOffline|NodeUnreachable|ProviderUnreachable|CannotProveAbsence)"/.test(text);
  }, 500);
  await sleep(20_000);
  report(
    `a node with ${affected.length} VMs goes away`,
    `the first says so after ${s(seen)}; ${(await apiWrites(plane)) - wrote} writes within 20 s of that`,
  );
  site?.fake.faults.clear();
  await sleep(15_000);

  standby = await startOperator(plane, { name: 'second', log });
  await sleep(10_000);
  await running.end('SIGKILL');
  const other = standby;
  const taken = await until(async () => /^virtrigaud_leader 1$/m.test(await other.metrics()));
  const again = await until(async () => (await passesOf(other)) >= VMS + sites.length, 200);
  report(
    'the leader is killed',
    `another leads after ${s(taken)} (the Lease lasts 15 s), and has judged all ${s(again)} later`,
  );
} finally {
  await standby?.end('SIGTERM');
  await operator?.end('SIGTERM');
  for (const { fake } of sites) await fake.close();
  await api.close();
  await plane.stop();
  await rm(dir, { recursive: true, force: true });
}
printTable(rows);
if (values.goals && missed.length > 0) {
  say(`missed: ${missed.join(', ')}`);
  process.exitCode = 1;
}
