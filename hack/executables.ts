/**
 * `make cli-executables`: the plugin as executables that contain Node, and the archives that the Krew manifest names.
 * Node for another architecture comes from npm, like that for this one.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { inject } from 'postject';
import { KREW_PLATFORMS, krewManifest } from './generate/krew.ts';

const ROOT = resolve(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist/kubectl');
/** Node looks for it in its own file: nodejs.org/api/single-executable-applications.html */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const ARCHITECTURES = [
  { arch: 'amd64', npm: 'x64' },
  { arch: 'arm64', npm: 'arm64' },
] as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const run = (program: string, args: readonly string[], cwd = ROOT): string =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** The Node that runs this, for that architecture. Without code cache and snapshot a blob fits every one of them. */
function nodeFor(npm: string, dir: string): string {
  if (process.platform === 'linux' && process.arch === npm) return process.execPath;
  const name = `node-linux-${npm}@${process.versions.node}`;
  say(`fetching ${name} from npm`);
  const archive = run('npm', ['pack', '--silent', name], dir).trim();
  run('tar', ['xzf', archive, 'package/bin/node', 'package/LICENSE'], dir);
  return join(dir, 'package/bin/node');
}

function blobOf(script: string, dir: string): Buffer {
  const config = join(dir, 'sea.json');
  const output = join(dir, 'kubectl-vm.blob');
  writeFileSync(config, JSON.stringify({ main: script, output, disableExperimentalSEAWarning: true }));
  run(process.execPath, ['--experimental-sea-config', config]);
  return readFileSync(output);
}

/**
 * An archive with the program under its name, and with the licences of what is in it.
 * @param node the Node that is in it
 */
function pack(program: string, archive: string, dir: string, node?: string): string {
  const folder = join(dir, archive);
  mkdirSync(folder);
  copyFileSync(program, join(folder, 'kubectl-vm'));
  chmodSync(join(folder, 'kubectl-vm'), 0o755);
  for (const file of ['LICENSE', 'THIRD_PARTY_NOTICES']) cpSync(join(ROOT, file), join(folder, file));
  if (node !== undefined) addLicenceOf(node, join(folder, 'THIRD_PARTY_NOTICES'));
  const path = join(OUT, archive);
  run('tar', ['czf', path, '-C', folder, 'kubectl-vm', 'LICENSE', 'THIRD_PARTY_NOTICES']);
  return path;
}

/** Node's distributions have it next to `bin`. */
function addLicenceOf(node: string, notices: string): void {
  const path = join(dirname(realpathSync(node)), '../LICENSE');
  if (!existsSync(path)) throw new Error(`${path} is missing: the licence of Node has to come with it.`);
  appendFileSync(notices, `\nNode.js ${process.versions.node}\n\n${readFileSync(path, 'utf8')}`);
}

const checksum = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** @param node that it contains */
async function executable(node: string, arch: string, blob: Buffer): Promise<string> {
  const path = join(OUT, `kubectl-vm-linux-${arch}`);
  rmSync(path, { force: true });
  copyFileSync(node, path);
  chmodSync(path, 0o755);
  await inject(path, 'NODE_SEA_BLOB', blob, { sentinelFuse: FUSE });
  return path;
}

const dir = mkdtempSync(join(tmpdir(), 'kubectl-vm-'));
try {
  run(process.execPath, ['hack/bundle.ts', 'kubectl']);
  const script = join(OUT, 'kubectl-vm');
  const blob = blobOf(script, dir);
  const archives = new Map([['kubectl-vm-node.tar.gz', pack(script, 'kubectl-vm-node.tar.gz', dir)]]);
  for (const { arch, npm } of ARCHITECTURES) {
    const node = nodeFor(npm, dir);
    const path = await executable(node, arch, blob);
    const archive = `kubectl-vm-linux-${arch}.tar.gz`;
    archives.set(archive, pack(path, archive, dir, node));
    say(path);
  }
  const checksums = new Map(
    KREW_PLATFORMS.map(({ archive }) => [archive, checksum(archives.get(archive) ?? '')]),
  );
  writeFileSync(join(OUT, 'vm.yaml'), krewManifest(checksums, process.env['RELEASES']));
  say(join(OUT, 'vm.yaml'));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
