/**
 * `make loadtest`: an API server, the fake Proxmox VE with the task times of a small real cluster, the bundled operator,
 * and virtrigaud-loadgen, with the objects and the scenarios of deploy/performance. Ends as virtrigaud-loadgen does.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readArguments } from './arguments.ts';
import { shippedCluster } from '../test/fakepve/cluster-file.ts';
import { startCast, type Cast } from './demo/cast.ts';
import { load } from './measure/counters.ts';

const usage = `Usage: make loadtest ARGS='[options]'
  --scenarios FILE  what is done how often (the ConfigMap in deploy/performance/proxmox-loadtest.yaml)
  --out FOLDER      where reports are written (dist/loadtest)`;
const ROOT = join(import.meta.dirname, '..');
const { scenarios, out } = readArguments(usage, {
  scenarios: { type: 'string', default: '' },
  out: { type: 'string', default: join(ROOT, 'dist/loadtest') },
});

const MANIFEST = join(ROOT, 'deploy/performance/proxmox-loadtest.yaml');
const ENDPOINT = 'https://loadtest-fakepve.default.svc:8006';

const Documents = z.array(
  z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    data: z.record(z.string(), z.string()).optional(),
  }),
);

const plain = (document: { readonly toJS: () => unknown }): unknown => document.toJS();

const documents = (fake: string) =>
  Documents.parse(parseAllDocuments(readFileSync(MANIFEST, 'utf8').replaceAll(ENDPOINT, fake)).map(plain));

/** The scenarios file: the one that was given, or that of the manifest. */
function scenariosFile(fake: string): string {
  if (scenarios !== '') return scenarios;
  const file = join(out, 'scenarios.yaml');
  mkdirSync(out, { recursive: true });
  const map = documents(fake).find(({ kind }) => kind === 'ConfigMap');
  writeFileSync(file, map?.data?.['scenarios.yaml'] ?? '');
  return file;
}

async function kubectl({ plane }: Cast, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await plane.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(stderr);
}

/** Room for all VMs of the scenarios. */
function roomyCluster() {
  const cluster = shippedCluster('document');
  return { ...cluster, nodes: cluster.nodes.map((node) => ({ ...node, cpus: 64, memory: 1024 ** 4 })) };
}

const cast = await startCast({
  requestsFile: undefined,
  say: () => undefined,
  logFormat: 'json',
  pve: { cluster: roomyCluster(), latency: {} },
});
try {
  const needed = documents(cast.fake.url).filter(
    ({ apiVersion, kind }) => apiVersion.startsWith('infra.virtrigaud.io/') || kind === 'Secret',
  );
  await kubectl(
    cast,
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: needed }),
  );
  await kubectl(cast, ['wait', 'vm/loadtest-source', '--for=condition=Ready', '--timeout=300s']);
  const loadgen = join(ROOT, 'test/performance/loadgen/cli.ts');
  const child = spawn(
    process.execPath,
    [loadgen, '--scenarios', scenariosFile(cast.fake.url), '--namespace', 'default', '--out', out],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        ...cast.plane.env,
        PVE_ENDPOINT: cast.fake.url,
        PVE_TOKEN_ID: cast.fake.tokenId,
        PVE_TOKEN_SECRET: cast.fake.tokenSecret,
        PVE_INSECURE_SKIP_VERIFY: 'true', // the fake makes a certificate of its own at each start
      },
    },
  );
  await once(child, 'exit');
  process.stderr.write(`Load average of the machine: ${load()}\n`);
  process.exitCode = child.exitCode ?? 1;
} finally {
  await cast.stop();
}
process.exit();
