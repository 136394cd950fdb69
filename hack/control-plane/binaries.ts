/** Finds the control plane's binaries on this machine, or makes them. */
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { buildBinaries } from './go-build.ts';
import { downloadBinaries } from './release.ts';
import { run } from './run.ts';
import { type BinaryName, BASE_BINARIES, KUBERNETES_VERSION, type Log } from './versions.ts';

export interface Binaries {
  /** Where they come from, for people. */
  readonly source: string;
  readonly paths: Readonly<Partial<Record<BinaryName, string>>>;
}

/** A source either has all the binaries, or says in a few words why it does not. */
type Source = (names: readonly BinaryName[], log: Log) => Promise<Binaries | string>;

/** The folder that keeps binaries between runs; outside the checkout, so that a fresh clone finds them. */
export function cacheDir(): string {
  const root = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(root, 'virtrigaud-proxmox', 'control-plane', `v${KUBERNETES_VERSION}`);
}

/**
 * The binaries `names`, all from one source: KUBEBUILDER_ASSETS, PATH, our cache, the official release, a build.
 *
 * @throws Error with what each source said, when none has them.
 */
export async function ensureBinaries(
  log: Log,
  names: readonly BinaryName[] = BASE_BINARIES,
): Promise<Binaries> {
  const sources: readonly (readonly [string, Source])[] = [
    ['KUBEBUILDER_ASSETS', fromAssets],
    ['PATH', fromPath],
    ['cache', fromCache],
    ['official release', filled(downloadBinaries)],
    ['build from Go modules', filled(buildBinaries)],
  ];
  const reasons: string[] = [];
  for (const [title, source] of sources) {
    const found = await source(names, log);
    if (typeof found !== 'string') return found;
    reasons.push(`  ${title}: ${found}`);
  }
  throw new Error(
    `No ${names.join(', ')} for the test control plane. Install Go 1.26 or newer (they are then built here), ` +
      `or point KUBEBUILDER_ASSETS at a folder that holds them. What was tried:\n${reasons.join('\n')}`,
  );
}

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

function inFolder(dir: string, names: readonly BinaryName[], source: string): Binaries | string {
  const missing = names.filter((name) => !executable(join(dir, name)));
  if (missing.length > 0) return `${dir} has no ${missing.join(', ')}`;
  return { source, paths: Object.fromEntries(names.map((name) => [name, join(dir, name)])) };
}

const fromAssets: Source = (names) => {
  const dir = process.env['KUBEBUILDER_ASSETS'];
  return Promise.resolve(dir ? inFolder(dir, names, `KUBEBUILDER_ASSETS (${dir})`) : 'is not set');
};

const fromPath: Source = async (names) => {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '');
  const found = names.map((name) => [name, folders.map((dir) => join(dir, name)).find(executable)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) return `has no ${missing.join(', ')}`;
  const paths = Object.fromEntries(found);
  const fault = await skewOf(paths);
  return fault ?? { source: 'PATH', paths };
};

const fromCache: Source = (names) => Promise.resolve(inFolder(cacheDir(), names, `cache (${cacheDir()})`));

/** A source that puts what is missing into the cache and then reads it from there. */
function filled(
  fill: (missing: readonly BinaryName[], dir: string, log: Log) => Promise<string | undefined>,
) {
  const source: Source = async (names, log) => {
    const missing = names.filter((name) => !existsSync(join(cacheDir(), name)));
    const reason = await fill(missing, cacheDir(), log);
    return reason ?? inFolder(cacheDir(), names, `cache (${cacheDir()})`);
  };
  return source;
}

/** Binaries that happen to be on PATH may have any version: they must match each other. */
async function skewOf(paths: Partial<Record<string, string>>): Promise<string | undefined> {
  const [server, client, etcd] = await Promise.all([
    versionOf(paths['kube-apiserver'], ['--version']),
    versionOf(paths['kubectl'], ['version', '--client']),
    versionOf(paths['etcd'], ['--version']),
  ]);
  if (server === undefined || client === undefined || etcd === undefined)
    return 'has binaries that do not print their version';
  if (!withinOneMinor(server, client)) {
    return `has kube-apiserver ${server.join('.')} and kubectl ${client.join('.')}, more than one minor version apart`;
  }
  return withinOneMinor(etcd, [3, 6]) ? undefined : `has etcd ${etcd.join('.')}, but 3.5 to 3.7 is needed`;
}

type Version = readonly [major: number, minor: number];

/** Kubernetes' own rule for versions that work together. */
export function withinOneMinor(a: Version, b: Version): boolean {
  return a[0] === b[0] && Math.abs(a[1] - b[1]) <= 1;
}

async function versionOf(path: string | undefined, args: readonly string[]): Promise<Version | undefined> {
  const { stdout } = await run(path ?? '', args);
  const [, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}
