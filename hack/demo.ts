/** `make demo`: runs the operator without Proxmox VE and without a Kubernetes cluster. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { startCast, type Cast } from './demo/cast.ts';
import { checkGone, checkThere } from './demo/checks.ts';
import { samples } from './demo/samples.ts';
import { untilThere } from './demo/watch.ts';

const { values } = parseArgs({
  options: {
    /** Apply, check, delete and exit. */
    once: { type: 'boolean', default: false },
    /** Log of every request to Proxmox VE. */
    requests: { type: 'string' },
  },
});

const VMS = 4;
const WITHIN_MS = 120_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const title = (text: string): void => say(`\n${styleText('bold', text)}`);

async function apply(cast: Cast): Promise<void> {
  title('Applying the samples (deploy/samples)');
  for (const { file, text } of await samples(cast.fake.url)) {
    const { code, stdout, stderr } = await cast.plane.kubectl(['apply', '-f', '-'], { input: text });
    if (code !== 0) throw new Error(`${file} was refused: ${stderr}`);
    say(`  ${file.padEnd(32)} ${stdout.trim().split('\n').join(', ')}`);
  }
}

async function show(cast: Cast, ...args: string[]): Promise<void> {
  say(`\n$ kubectl ${args.join(' ')}`);
  const { stdout, stderr } = await cast.plane.kubectl(args);
  say((stdout + stderr).trimEnd());
}

function whatNext({ plane, fake }: Cast): void {
  title('Try, in another shell');
  say(`  export KUBECONFIG=${plane.kubeconfig} PATH=${plane.env['PATH']?.split(':')[0] ?? ''}:$PATH
  kubectl get vm,providers,vmclasses,vmimages -o wide
  kubectl describe vm web-server
  kubectl patch vm web-server --type merge -p '{"spec":{"powerState":"OffGraceful"}}'
  kubectl patch vmclass small --type merge -p '{"spec":{"cpus":4}}'      # hot-plugs CPUs
  kubectl patch vm web-server --type merge -p '{"spec":{"disks":[{"name":"root","size":"60Gi"}]}}'
  kubectl delete vm web-server
  curl -sk ${fake.url}/fakepve/state | head -c 2000                      # state of the fake Proxmox VE

${styleText('bold', 'Ctrl-C stops everything and removes all temporary files.')}`);
}

async function play(cast: Cast): Promise<void> {
  await apply(cast);
  title('Waiting until the VMs run and have addresses');
  await untilThere(cast.plane, { count: VMS, withinMs: WITHIN_MS, say });
  await show(cast, 'get', 'vm');
  await show(cast, 'get', 'providers');
  if (!values.once) {
    whatNext(cast);
    return;
  }
  await checkThere(cast, say);
  await checkGone(cast, say);
}

/** Runs until the demo ends, a signal arrives or the operator exits. */
async function main(): Promise<number> {
  title('Starting an API server, a fake Proxmox VE and the operator');
  const cast = await startCast({
    requestsFile: values.requests === undefined ? undefined : resolve(values.requests),
    say: (line) => say(`  ${line}`),
  });
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const exited = once(cast.operator, 'exit').then(() => {
    throw new Error('The operator exited unexpectedly.');
  });
  exited.catch(() => undefined);
  try {
    await Promise.race([play(cast), interrupted, exited]);
    if (!values.once) await Promise.race([interrupted, exited]);
    return 0;
  } catch (error) {
    say(
      `\n${styleText('red', 'The demo failed:')} ${error instanceof Error ? error.message : String(error)}`,
    );
    const log = await cast.lastLines(40);
    say(`\nLast lines of the operator's log:\n${log}`);
    return 1;
  } finally {
    await cast.stop();
  }
}

process.exitCode = await main();
if (values.once) say(process.exitCode === 0 ? '\ndemo passed' : '\ndemo failed');
process.exit();
