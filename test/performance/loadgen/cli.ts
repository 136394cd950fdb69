/**
 * `virtrigaud-loadgen`: creates load on the operator through the Kubernetes API, and measures from each write until
 * status shows its result. It ends with 1 if a threshold is exceeded, and with 2 if it could not run.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VirtualMachine, VMClone, VMSnapshot } from '../../../src/api/index.ts';
import { connect } from '../../../src/kube/kubeconfig.ts';
import { followed, type Objects } from './objects.ts';
import { powerOf, type Power } from './pve.ts';
import { filesOf, markdownOf } from './reports.ts';
import { excessOf, type Measured } from './results.ts';
import { runAll, type Run } from './run.ts';
import { readScenarios, type ScenariosFile } from './scenarios.ts';

const usage = `Usage: virtrigaud-loadgen --scenarios FILE [options]
  --scenarios FILE   what is done how often, and what it may take (docs/performance.md)
  --namespace NAME   where objects are created and VMs are selected (that of the kubeconfig's context)
  --kubeconfig FILE  absent: KUBECONFIG, ~/.kube/config or the service account of the pod
  --out FOLDER       where reports are written, instead of outputs.directory of the scenarios file`;

const LABEL = 'virtrigaud-loadgen';
const UNTIL_GONE_MS = 10 * 60_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function load(
  { scenarios, keep }: ScenariosFile,
  { namespace, kubeconfig }: { readonly namespace?: string; readonly kubeconfig?: string },
): Promise<readonly Measured[]> {
  const connection = connect({ file: kubeconfig });
  const run = randomBytes(3).toString('hex');
  const options = { connection, namespace: namespace ?? connection.namespace, labels: { [LABEL]: run } };
  const vms = await followed({ ...options, kind: VirtualMachine });
  const snapshots = await followed({ ...options, kind: VMSnapshot });
  const clones = await followed({ ...options, kind: VMClone });
  let power: Power | undefined;
  let serial = 0;
  const site: Run['site'] = {
    vms,
    snapshots,
    clones,
    pve: () => (power ??= powerOf(process.env)),
    nameFor: (operation) => `loadgen-${run}-${operation}-${(serial += 1)}`,
  };
  const isOwn = ({
    metadata,
  }: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  }) => metadata.labels[LABEL] === run;
  try {
    return await runAll(scenarios, { site, isOwn, say });
  } finally {
    for (const objects of keep ? [] : [snapshots, clones, vms]) await removeOwn(objects, isOwn);
    for (const each of [vms, snapshots, clones]) await each.stop();
    await power?.close();
    await connection.close();
  }
}

async function removeOwn(objects: Objects, isOwn: (object: ReturnType<Objects['all']>[number]) => boolean) {
  const names = objects.all().filter(isOwn);
  for (const { metadata, spec } of names) {
    // One that is only observed would leave its guest behind.
    if (spec['managementPolicy'] === 'ObserveOnly')
      await objects.patch(metadata.name, { managementPolicy: 'Full' });
    await objects.remove(metadata.name);
  }
  await Promise.all(
    names.map(({ metadata }) =>
      objects.until(metadata.name, (object) => object === undefined, UNTIL_GONE_MS),
    ),
  );
}

function write(results: readonly Measured[], { directory, formats }: ScenariosFile['outputs']): void {
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of filesOf(results, formats)) writeFileSync(join(directory, name), content);
  say(`The reports are in ${directory}.`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenarios: { type: 'string' },
      namespace: { type: 'string' },
      kubeconfig: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { scenarios: path, namespace, kubeconfig, out } = values;
  if (values.help || path === undefined) {
    say(usage);
    return values.help ? 0 : 2;
  }
  const file = readScenarios(readFileSync(path, 'utf8'));
  const results = await load(file, {
    ...(namespace !== undefined && { namespace }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  });
  write(results, { ...file.outputs, ...(out !== undefined && { directory: out }) });
  process.stdout.write(markdownOf(results));
  const excess = results.flatMap(excessOf);
  for (const sentence of excess) say(sentence);
  return excess.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
