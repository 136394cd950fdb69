/**
 * `make release-check TAG=v1.2.3`: whether everything names this version.
 * `make release-files IMAGE=… DIGEST=…`: the manifests, the chart and the notes of a release, in dist/release.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readArguments } from './arguments.ts';
import { run } from './control-plane/run.ts';
import { ensureHelm } from './helm/helm.ts';
import { notesOf, obstacles, versionsIn, withImage, withImageValues } from './release-files.ts';

const ROOT = resolve(import.meta.dirname, '..');
const OUT = join(ROOT, 'dist/release');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const values = readArguments(
  `Usage: make release-check TAG=v1.2.3
       make release-files IMAGE=registry.example.com/virtrigaud-proxmox DIGEST=sha256:…`,
  { tag: { type: 'string' }, image: { type: 'string' }, digest: { type: 'string' } },
);

async function chart(dir: string, image: { repository: string; digest: string }): Promise<void> {
  const copy = join(dir, 'virtrigaud-proxmox');
  cpSync(join(ROOT, 'deploy/chart'), copy, { recursive: true });
  writeFileSync(join(copy, 'values.yaml'), withImageValues(read('deploy/chart/values.yaml'), image));
  const { code, stderr } = await run(await ensureHelm(say), ['package', copy, '--destination', OUT]);
  if (code !== 0) throw new Error(`helm package failed: ${stderr}`);
}

async function files(repository: string, digest: string): Promise<void> {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`"${digest}" is no digest.`);
  const dir = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    rmSync(OUT, { recursive: true, force: true });
    mkdirSync(OUT, { recursive: true });
    const image = { repository, digest };
    writeFileSync(join(OUT, 'install.yaml'), withImage(read('deploy/install.yaml'), image));
    await chart(dir, image);
    const { version } = JSON.parse(read('package.json')) as { version: string };
    writeFileSync(join(OUT, 'NOTES.md'), `${notesOf(version, read('CHANGELOG.md')) ?? ''}\n`);
    say(OUT);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const { tag, image, digest } = values;
if (tag !== undefined) {
  const found = obstacles(tag, versionsIn(read), read('CHANGELOG.md'));
  for (const each of found) console.error(each);
  process.exitCode = found.length > 0 ? 1 : 0;
} else if (image !== undefined && digest !== undefined) {
  await files(image, digest);
} else {
  throw new Error('Give --tag, or --image and --digest.');
}
