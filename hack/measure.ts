/**
 * `make measure`: measures how long VMs take compared with Proxmox VE's own time, what settled VMs cost, and the memory
 * of the operator. It prints a table. The fake Proxmox VE, the API server and the operator share the machine, so each
 * figure has the load average next to it.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { readArguments } from './arguments.ts';
import { shippedCluster } from '../test/fakepve/cluster-file.ts';
import { startCast, type Cast } from './demo/cast.ts';
import { samples } from './demo/samples.ts';
import { costOf, load } from './measure/counters.ts';
import { type Figures, figuresOf, printTable, type Row, seconds } from './measure/table.ts';
import { watchVms, type Moments, type VmWatch } from './measure/watch.ts';

const usage = `Usage: make measure ARGS='[options]'
  --few N       VMs in the smaller apply (50)
  --many N      VMs in the larger apply (500); 0: none, and nothing is deleted
  --delete N    how many of them are deleted at once (300)
  --seconds N   how long settled VMs are observed (60)
  --scan N      seconds until settled VMs are observed again, during a drift scan (300); 0: never
  --task MS     duration of each task of the fake (500)
  --boot MS     boot time of a guest (1000)`;
const values = readArguments(usage, {
  few: { type: 'string', default: '50' },
  many: { type: 'string', default: '500' },
  delete: { type: 'string', default: '300' },
  seconds: { type: 'string', default: '60' },
  scan: { type: 'string', default: '300' },
  task: { type: 'string', default: '500' },
  boot: { type: 'string', default: '1000' },
});

const SMALL_BATCH = Number(values.few);
const LARGE_BATCH = Number(values.many);
const DELETED = Math.min(Number(values.delete), LARGE_BATCH);
const SECONDS = Number(values.seconds);
const SCAN_AFTER = Number(values.scan);
const TASK = Number(values.task);
const BOOT = Number(values.boot);

/** Clone, image, root disk, start: a VM as the samples have it. */
const TASKS_OF_A_VM = 4;
const OWN_MS = TASKS_OF_A_VM * TASK + BOOT;
/** Shutdown (as long as the boot), destroy, and the image. */
const OWN_DELETION_MS = BOOT + 2 * TASK;
/** The last queries of the guest agents run half a minute after the boot. */
const UNTIL_QUIET_MS = 40_000;

/** VMs that are created in one apply, or deleted in one request. */
const BATCH = 'measure-batch';
const batchOf = (name: string): string => name.slice(0, name.lastIndexOf('-'));

const manifest = (name: string): string => `apiVersion: infra.virtrigaud.io/v1beta1
kind: VirtualMachine
metadata: { name: ${name}, labels: { ${BATCH}: ${batchOf(name)} } }
spec:
  providerRef: { name: proxmox-prod }
  classRef: { name: small }
  imageRef: { name: ubuntu-22 }
  networks: [{ name: lan }]
  disks: [{ name: root, size: 40Gi }]
  userData: { cloudInit: { inline: "#cloud-config\\npackages: [nginx]\\n" } }
`;

const VMS = '/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines';

const named = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n + 1}`);

async function kubectl(cast: Cast, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await cast.plane.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(stderr);
}

const apply = (cast: Cast, input: string): Promise<void> => kubectl(cast, ['apply', '-f', '-'], input);

/** The demo's cluster, large enough for all of them. */
function roomyCluster() {
  const cluster = shippedCluster('document');
  return {
    ...cluster,
    nodes: cluster.nodes.map((node) => ({ ...node, cpus: 256, memory: 4 * 1024 ** 4 })),
    storages: cluster.storages.map((storage) => ({ ...storage, size: 1024 ** 5 })),
  };
}

/** From what to what, for each name. */
const between = (
  { moments }: VmWatch,
  names: readonly string[],
  from: (moments: Moments) => number | undefined,
  to: keyof Moments,
): Figures =>
  figuresOf(
    names.map((name) => {
      const known = moments.get(name) ?? {};
      return (known[to] ?? NaN) - (from(known) ?? NaN);
    }),
  );

async function create(cast: Cast, watch: VmWatch, names: readonly string[], what: string): Promise<Row[]> {
  const before = await costOf(cast);
  const began = performance.now();
  await apply(cast, names.map(manifest).join('---\n'));
  const applied = performance.now() - began;
  await watch.until(names, 'running');
  const after = await costOf(cast);
  const own = between(watch, names, ({ created }) => created, 'running');
  const all = between(watch, names, () => began, 'running');
  const note = `kubectl itself ${seconds(applied)}, Proxmox VE's own time ${seconds(OWN_MS)}`;
  return [
    { what: `${what}: from its creation to Running with address`, figure: own.text, load: load(), note },
    {
      what: `${what}: from the start of kubectl apply`,
      figure: all.text,
      load: load(),
      note: `${((after.pveRequests - before.pveRequests) / names.length).toFixed(1)} PVE requests and ${((after.apiWrites - before.apiWrites) / names.length).toFixed(1)} API writes a VM, CPU ${seconds((after.cpuSeconds - before.cpuSeconds) * 1000)}, ${after.memoryMb.toFixed(0)} MB`,
    },
  ];
}

/** One request for all VMs, as Kubernetes empties a namespace: `kubectl delete` sends only five requests per second. */
async function remove(cast: Cast, watch: VmWatch, names: readonly string[]): Promise<Row> {
  const batch = batchOf(names[0] ?? '');
  const began = performance.now();
  await kubectl(cast, ['delete', '--raw', `${VMS}?labelSelector=${BATCH}%3D${batch}`]);
  await watch.until(names, 'gone');
  return {
    what: `${names.length} deleted in one request: from its start until gone`,
    figure: between(watch, names, () => began, 'gone').text,
    load: load(),
    note: `Proxmox VE's own time ${seconds(OWN_DELETION_MS)}`,
  };
}

/** Observes settled VMs, and again during the drift scan, which starts five minutes after a VM was read. */
async function rest(cast: Cast, count: number): Promise<Row[]> {
  await sleep(UNTIL_QUIET_MS);
  const quiet = await watchRest(cast, `${count} settled for ${SECONDS} s`);
  if (SCAN_AFTER === 0) return [quiet];
  await sleep(SCAN_AFTER * 1000 - SECONDS * 1000);
  return [quiet, await watchRest(cast, `${count} settled for ${SECONDS} s during a drift scan`)];
}

async function watchRest(cast: Cast, what: string): Promise<Row> {
  const before = await costOf(cast);
  const began = performance.now();
  await sleep(SECONDS * 1000);
  const after = await costOf(cast);
  const took = (performance.now() - began) / 1000;
  return {
    what,
    figure: `${((after.pveRequests - before.pveRequests) / took).toFixed(2)} PVE requests a second, ${after.apiWrites - before.apiWrites} API writes`,
    load: load(),
    note: `CPU ${(((after.cpuSeconds - before.cpuSeconds) / took) * 100).toFixed(1)} %, ${after.memoryMb.toFixed(0)} MB`,
  };
}

async function measure(cast: Cast, watch: VmWatch, tell: (...rows: readonly Row[]) => void): Promise<void> {
  const ones = named('one', 5);
  for (const name of ones) {
    await apply(cast, manifest(name));
    await watch.until([name], 'running');
  }
  const { text } = between(watch, ones, ({ created }) => created, 'running');
  tell({
    what: 'one VM, five times',
    figure: text,
    load: load(),
    note: `Proxmox VE's own ${seconds(OWN_MS)}`,
  });
  tell(await remove(cast, watch, ones));

  const few = named('few', SMALL_BATCH);
  tell(...(await create(cast, watch, few, `${SMALL_BATCH} in one apply`)));
  tell(...(await rest(cast, SMALL_BATCH)));
  tell(await remove(cast, watch, few));
  if (LARGE_BATCH === 0) return;

  const deleted = named('many-deleted', DELETED);
  const many = [...deleted, ...named('many-kept', LARGE_BATCH - DELETED)];
  tell(...(await create(cast, watch, many, `${LARGE_BATCH} in one apply`)));
  tell(...(await rest(cast, LARGE_BATCH)));
  tell(await remove(cast, watch, deleted));
}

const tasks = ['cloneLinked', 'cloneFull', 'qmconfig', 'resize', 'imgcopy', 'imgdel', 'qmstart', 'qmstop'];
const latency = {
  ...Object.fromEntries([...tasks, 'qmdestroy'].map((task) => [task, TASK])),
  guestBoot: BOOT,
  guestShutdown: BOOT,
};

const rows: Row[] = [];
const cast = await startCast({
  requestsFile: undefined,
  say: () => undefined,
  logFormat: 'json', // as in production; text format is slower
  pve: { cluster: roomyCluster(), latency },
});
try {
  rows.push({
    what: 'start of the operator to ready',
    figure: seconds(cast.readyAfterMs),
    load: load(),
    note: `${(await costOf(cast)).memoryMb.toFixed(0)} MB`,
  });
  for (const { file, text } of await samples({ endpoint: cast.fake.url }))
    if (/^(00|01|04|07|10)-/.test(file)) await apply(cast, text);
  await kubectl(cast, ['delete', 'vm', '--all']);
  await kubectl(cast, ['wait', 'provider', '--all', '--for=condition=Ready']);
  const watch = await watchVms(cast.plane);
  const measured = measure(cast, watch, (...more) => {
    rows.push(...more);
    for (const { what, figure } of more) process.stderr.write(`${what}: ${figure}\n`);
  });
  const ended = once(cast.operator, 'exit').then(async () => {
    throw new Error(`The operator exited unexpectedly:\n${await cast.lastLines(5)}`);
  });
  await Promise.race([measured, ended]);
  await watch.stop();
} finally {
  printTable(rows);
  await cast.stop();
}
process.exit();
