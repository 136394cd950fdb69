/** `node hack/control-plane/cli.ts`: a control plane until Ctrl-C; `--install-only`: just its binaries. */
import { once } from 'node:events';
import { readArguments } from '../arguments.ts';
import { ensureBinaries, startControlPlane } from './index.ts';
import { BASE_BINARIES } from './versions.ts';

const usage = `Usage: make control-plane ARGS='[options]'
  --controller-manager   start kube-controller-manager as well: deleting a namespace then deletes what is in it
  --dir DIR              keep the data there; absent: a temporary folder that is removed at the end
  --install-only         download or build the binaries, and start nothing`;
const values = readArguments(usage, {
  'install-only': { type: 'boolean', default: false },
  'controller-manager': { type: 'boolean', default: false },
  dir: { type: 'string' },
});
const log = (line: string) => process.stderr.write(`${line}\n`);

try {
  if (values['install-only']) {
    const { source } = await ensureBinaries(log, [...BASE_BINARIES, 'kube-controller-manager']);
    log(`control plane: binaries from ${source}`);
  } else {
    const plane = await startControlPlane({
      log,
      controllerManager: values['controller-manager'],
      ...(values.dir === undefined ? {} : { dir: values.dir }),
    });
    process.stdout.write(`export KUBECONFIG=${plane.kubeconfig}\n`);
    log(`${plane.server} is ready; Ctrl-C ends it`);
    const alive = setInterval(() => undefined, 2 ** 30);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    clearInterval(alive);
    await plane.stop();
  }
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
