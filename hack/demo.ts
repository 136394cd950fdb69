/** `make demo`: runs the operator without Proxmox VE and without a Kubernetes cluster. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { styleText } from 'node:util';
import { readArguments } from './arguments.ts';
import { startCast, type Cast } from './demo/cast.ts';
import { checkGone, checkThere } from './demo/checks.ts';
import { diskImage } from '../test/builders/disk-image.ts';
import { clusterWithDownloads, serveImage, type ImageServer } from '../test/builders/image-server.ts';
import { samples, samplesForLater } from './demo/samples.ts';
import { untilThere } from './demo/watch.ts';

const usage = `Usage: make demo [ONCE=1] [REQUESTS=FILE]
  ONCE=1           apply the samples, check what came of them, delete them and exit (--once)
  REQUESTS=FILE    log every request to Proxmox VE to this file (--requests FILE)`;
const values = readArguments(usage, {
  once: { type: 'boolean', default: false },
  requests: { type: 'string' },
});

const VMS = 7;
const WITHIN_MS = 120_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const title = (text: string): void => say(`\n${styleText('bold', text)}`);

async function apply(cast: Cast, images: ImageServer): Promise<void> {
  title('Applying the samples (deploy/samples)');
  for (const { file, text } of await samples({ endpoint: cast.fake.url, images: images.url })) {
    const { code, stdout, stderr } = await cast.plane.kubectl(['apply', '-f', '-'], { input: text });
    if (code !== 0) throw new Error(`${file} was refused: ${stderr}`);
    say(`  ${file.padEnd(32)} ${stdout.trim().split('\n').join(', ')}`);
  }
  const later = await samplesForLater();
  say(`  Left out, since each has another version of an object above: ${later.join(', ')}`);
}

async function show(cast: Cast, ...args: string[]): Promise<void> {
  say(`\n$ kubectl ${args.join(' ')}`);
  const { stdout, stderr } = await cast.plane.kubectl(args);
  say((stdout + stderr).trimEnd());
}

function whatNext({ plane, fake, operator }: Cast): void {
  title('Try, in another shell');
  say(`  export KUBECONFIG=${plane.kubeconfig} PATH=${plane.env['PATH']?.split(':')[0] ?? ''}:$PATH
  kubectl get vm,providers,vmclasses,vmimages -o wide
  kubectl describe vm web-server
  kubectl patch vmclass small --type merge -p '{"spec":{"cpus":4}}'      # hot-plugs CPUs
  kubectl patch vm web-server --type merge -p '{"spec":{"disks":[{"name":"root","size":"60Gi"}]}}'
  kubectl patch vm web-server --type merge -p '{"spec":{"powerState":"OffGraceful"}}'
  kubectl get vm -w                                                      # until you press Ctrl-C
  kill -9 ${String(operator.pid ?? 0).padEnd(60)}   # the operator: it starts again and goes on
  kubectl patch vm web-server --type merge -p '{"spec":{"powerState":"On"}}'
  kubectl delete vm web-server
  curl -sk ${fake.url}/fakepve/state | head -c 2000  # state of the fake Proxmox VE

${styleText('bold', 'Ctrl-C stops everything and removes all temporary files.')}`);
}

async function play(cast: Cast, images: ImageServer): Promise<void> {
  await apply(cast, images);
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

/** What kills the operator is part of the demo; one that ends by itself is not. */
async function keepRunning(cast: Cast): Promise<never> {
  for (;;) {
    const { operator } = cast;
    const [code] =
      operator.signalCode === null ? ((await once(operator, 'exit')) as [number | null]) : [null];
    if (code !== null) throw new Error(`The operator exited unexpectedly with code ${code}.`);
    await cast.restartOperator();
    say(`\nThe operator was killed. It runs again, as process ${cast.operator.pid ?? 0}.`);
  }
}

/** Runs until the demo ends, a signal arrives or the operator exits by itself. */
async function main(): Promise<number> {
  const stopping = new AbortController();
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => {
    say('\nStopping…');
    stopping.abort(new Error('It was interrupted.'));
  });
  title('Starting an API server, a fake Proxmox VE and the operator');
  let cast: Cast | undefined;
  const images = await serveImage(diskImage);
  try {
    cast = await startCast({
      pve: { cluster: clusterWithDownloads() },
      requestsFile: values.requests === undefined ? undefined : resolve(values.requests),
      say: (line) => say(`  ${line}`),
      signal: stopping.signal,
    });
    const running = keepRunning(cast);
    running.catch(() => undefined);
    await Promise.race([play(cast, images), interrupted, running]);
    if (!values.once) await Promise.race([interrupted, running]);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    await explain(error, cast);
    return 1;
  } finally {
    stopping.abort();
    await cast?.stop();
    await images.close();
  }
}

async function explain(error: unknown, cast: Cast | undefined): Promise<void> {
  const said = error instanceof Error ? error.message : String(error);
  say(`\n${styleText('red', 'The demo failed:')} ${said}`);
  if (cast) say(`\nLast lines of the operator's log:\n${await cast.lastLines(40)}`);
}

process.exitCode = await main();
if (values.once) say(process.exitCode === 0 ? '\ndemo passed' : '\ndemo failed');
process.exit();
