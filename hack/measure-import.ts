/**
 * `node hack/measure-import.ts`: measures a disk image that goes through the operator, in this process: how long its two
 * passes take next to curl, which stores it and uploads it, how much memory they need, and for how long they keep the
 * event loop busy. Without Kubernetes: what is measured is the way of the bytes.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
import { measure, readImage, type ReadOptions } from '../src/download/index.ts';
import { nodeName } from '../src/lib/units.ts';
import { createTransport, pve } from '../src/pve/index.ts';
import { readArguments } from './arguments.ts';
import { load } from './measure/counters.ts';

const usage = `Usage: node hack/measure-import.ts [options]
  --pieces N     size of the image, in pieces of 64 MiB (32: 2 GiB)
  --formats LIST (raw,qcow2,raw.gz,raw.zst,raw.xz)`;
const values = readArguments(usage, {
  pieces: { type: 'string', default: '32' },
  formats: { type: 'string', default: 'raw,qcow2,raw.gz,raw.zst,raw.xz' },
});

const MIB = 1024 ** 2;
const Ports = z.object({ source: z.number(), sink: z.number(), ca: z.string() });

const servers = fork(new URL('./measure/import-servers.ts', import.meta.url));
const [{ source, sink, ca }] = z
  .tuple([Ports])
  .rest(z.unknown())
  .parse(await once(servers, 'message'));

const seconds = (from: number): string => ((performance.now() - from) / 1000).toFixed(1);
const rss = (): number => process.memoryUsage.rss() / MIB;

async function throughOperator(url: string, format: ReadOptions['format']) {
  const options: ReadOptions = {
    source: { url },
    format,
    maxBytes: Infinity,
    signal: new AbortController().signal,
    resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  };
  const transport = createTransport({
    endpoint: `https://127.0.0.1:${sink}`,
    credentials: { kind: 'token', id: 'operator@pve!k8s', secret: 'none' },
    tls: { ca },
  });
  const startedAt = performance.now();
  const expected = await measure(readImage(options));
  const verified = seconds(startedAt);
  const uploadedAt = performance.now();
  await pve(transport.send)
    .node(nodeName('pve1'))
    .storage('local')
    .uploadImage({
      filename: `a.${format}`,
      sha256: expected.sha256,
      file: { bytes: expected.bytes, pieces: () => readImage({ ...options, expected }) },
    });
  await transport.close();
  return { verified, uploaded: seconds(uploadedAt) };
}

function withCurl(url: string): string {
  const path = join(tmpdir(), 'virtrigaud-measure-import');
  const startedAt = performance.now();
  spawnSync('curl', ['-s', '-o', path, url]);
  spawnSync('curl', ['-s', '-k', '-F', `filename=@${path}`, `https://127.0.0.1:${sink}/upload`]);
  rmSync(path, { force: true });
  return seconds(startedAt);
}

async function measured(name: string): Promise<void> {
  const url = `http://images.test:${source}/a.${name}?pieces=${values.pieces}`;
  // The server compresses a piece at the first request.
  const local = url.replace('images.test', '127.0.0.1');
  spawnSync('curl', ['-s', '-o', '/dev/null', local.replace(/pieces=.*/, 'pieces=1')]);
  const curl = withCurl(local);
  const before = rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, rss())), 50);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const cpu = process.cpuUsage();
  const { verified, uploaded } = await throughOperator(url, name.startsWith('qcow2') ? 'qcow2' : 'raw');
  delay.disable();
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpu);
  const loop = [delay.percentile(99), delay.max].map((ns) => (ns / 1e6).toFixed(0)).join('/');
  process.stdout.write(
    `${name.padEnd(8)} verify ${verified} s, upload ${uploaded} s; curl ${curl} s; CPU ${((user + system) / 1e6).toFixed(1)} s; memory +${(most - before).toFixed(0)} MiB (from ${before.toFixed(0)}); event loop p99/max ${loop} ms; load ${load()}\n`,
  );
}

const warmUp = `http://images.test:${source}/a.raw?pieces=1`;
await throughOperator(warmUp, 'raw');
for (const name of values.formats.split(',')) await measured(name);
servers.kill();
