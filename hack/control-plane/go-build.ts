/** Builds the control plane's binaries from Go modules: all that is needed is Go and a module proxy. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { type BinaryName, KUBERNETES_VERSION, type Log } from './versions.ts';

const PACKAGES: Readonly<Record<BinaryName, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
};
const MIN_GO = [1, 26] as const;
const REPORT_EVERY_MS = 30_000;

const [major, minor] = KUBERNETES_VERSION.split('.');
const LDFLAGS = [
  '-s -w',
  `-X k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSION}`,
  `-X k8s.io/component-base/version.gitMajor=${major ?? ''}`,
  `-X k8s.io/component-base/version.gitMinor=${minor ?? ''}`,
  `-X k8s.io/client-go/pkg/version.gitVersion=v${KUBERNETES_VERSION}`,
].join(' ');

/** Puts `names` into `dir`; the reason when that is not possible. */
export async function buildBinaries(
  names: readonly BinaryName[],
  dir: string,
  log: Log,
): Promise<string | undefined> {
  const cwd = join(import.meta.dirname, 'build');
  const unable = await unableToBuild(cwd);
  if (unable !== undefined) return unable;
  log(
    `building ${names.join(', ')} ${KUBERNETES_VERSION} from Go modules, once: 3 to 12 minutes, less where Go has its caches`,
  );
  for (const name of names) {
    const reason = await build({ name, package: PACKAGES[name], ldflags: LDFLAGS, dir, cwd }, log);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Why Go builds nothing here. */
export async function unableToBuild(cwd: string): Promise<string | undefined> {
  const go = await run('go', ['env', 'GOVERSION'], { cwd });
  if (go.code !== 0) return `Go does not run here (${firstLine(go.stderr)})`;
  return recentEnough(go.stdout) ? undefined : `Go 1.26 or newer is needed, this is ${go.stdout.trim()}`;
}

export interface Build {
  readonly name: string;
  readonly package: string;
  readonly ldflags: string;
  /** Where it is put. */
  readonly dir: string;
  /** The module that names its version. */
  readonly cwd: string;
}

/** Builds a program; the reason when that fails. */
export async function build({ name, dir, cwd, ...options }: Build, log: Log): Promise<string | undefined> {
  const started = performance.now();
  const elapsed = () => `${Math.round((performance.now() - started) / 1000)} s`;
  const report = setInterval(() => log(`  ${name}: still building after ${elapsed()}`), REPORT_EVERY_MS);
  await mkdir(dir, { recursive: true });
  // Renamed when complete: a file in the cache under its final name is always complete.
  const unfinished = join(dir, `.${name}.${process.pid}`);
  const args = ['build', '-trimpath', '-buildvcs=false', '-ldflags', options.ldflags, '-o', unfinished];
  const built = await run('go', [...args, options.package], {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  clearInterval(report);
  if (built.code !== 0) return `go build of ${name} failed: ${built.stderr.trim().slice(-1000)}`;
  await rename(unfinished, join(dir, name));
  log(`  ${name}: built in ${elapsed()}`);
  return undefined;
}

function recentEnough(version: string): boolean {
  const [, goMajor = 0, goMinor = 0] = (/go(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  return goMajor > MIN_GO[0] || (goMajor === MIN_GO[0] && goMinor >= MIN_GO[1]);
}

const firstLine = (text: string) => text.trim().split('\n')[0] ?? '';
