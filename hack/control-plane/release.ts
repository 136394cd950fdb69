/** Downloads the official release files and verifies them against the checksums published with them. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { type BinaryName, ETCD_VERSION, KUBERNETES_VERSION, type Log } from './versions.ts';

const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
/** Short, so that a machine without internet access soon starts to build them instead. */
const FIRST_ANSWER_MS = 3_000;
const DOWNLOAD_MS = 600_000;

/** Puts `names` into `dir`; the reason when that is not possible. */
export async function downloadBinaries(
  names: readonly BinaryName[],
  dir: string,
  log: Log,
): Promise<string | undefined> {
  const arch = ARCHITECTURES[process.arch];
  if (process.platform !== 'linux' || arch === undefined) {
    return `there are no server binaries for ${process.platform}/${process.arch}`;
  }
  try {
    await mkdir(dir, { recursive: true });
    for (const name of names) {
      const download = name === 'etcd' ? etcd(arch) : kubernetes(name, arch);
      const checksum = await download.checksum();
      log(`downloading ${download.url}`);
      const content = await fetchBytes(download.url, DOWNLOAD_MS);
      const actual = createHash('sha256').update(content).digest('hex');
      if (actual !== checksum)
        return `${download.url} has the checksum ${actual}, but ${checksum} is published`;
      await download.store(content, dir);
    }
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

interface Download {
  readonly url: string;
  readonly checksum: () => Promise<string>;
  readonly store: (content: Buffer, dir: string) => Promise<void>;
}

function kubernetes(name: BinaryName, arch: string): Download {
  const url = `https://dl.k8s.io/release/v${KUBERNETES_VERSION}/bin/linux/${arch}/${name}`;
  return {
    url,
    checksum: async () => (await fetchBytes(`${url}.sha256`, FIRST_ANSWER_MS)).toString().trim(),
    store: async (content, dir) => {
      const unfinished = join(dir, `.${name}.${process.pid}`);
      await writeFile(unfinished, content);
      await chmod(unfinished, 0o755);
      await rename(unfinished, join(dir, name));
    },
  };
}

function etcd(arch: string): Download {
  const release = `https://github.com/etcd-io/etcd/releases/download/v${ETCD_VERSION}`;
  const folder = `etcd-v${ETCD_VERSION}-linux-${arch}`;
  const archive = `${folder}.tar.gz`;
  return {
    url: `${release}/${archive}`,
    checksum: async () => {
      const sums = (await fetchBytes(`${release}/SHA256SUMS`, FIRST_ANSWER_MS)).toString();
      const line = sums.split('\n').find((entry) => entry.trim().endsWith(archive));
      if (line === undefined) throw new Error(`${release}/SHA256SUMS does not name ${archive}`);
      return line.trim().split(/\s+/)[0] ?? '';
    },
    store: async (content, dir) => {
      const work = await mkdtemp(join(dir, '.etcd-'));
      try {
        await writeFile(join(work, archive), content);
        const unpacked = await run('tar', ['-xzf', archive, `${folder}/etcd`], { cwd: work });
        if (unpacked.code !== 0) throw new Error(`tar cannot read ${archive}: ${unpacked.stderr.trim()}`);
        await rename(join(work, folder, 'etcd'), join(dir, 'etcd'));
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}

async function fetchBytes(url: string, withinMs: number): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
