/** The share of recorded steps on which the fake agrees with the real server. It must not fall below the baseline. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { run } from '../control-plane/run.ts';
import { type Counts, say } from '../stages.ts';
import { type RunningFake, startFake } from './fake.ts';

/** The cluster that the recordings of a folder were made on. */
const CLUSTERS: Readonly<Record<string, string>> = {
  '.': 'test/fakepve/clusters/recordings.yaml',
  'two-nodes': 'test/fakepve/clusters/two-nodes.yaml',
};
/** So that a second stands for any wait of a recording. */
const LATENCY = 'hack/ci/replay-latency.yaml';
const MAX_WAIT_S = 1;
/** Steps in which the fake differs on purpose or the recording is no rule, with the reason. */
const EXCEPTIONS = resolve(import.meta.dirname, '../../test/fakepve/exceptions.json');
const BASELINE = resolve(import.meta.dirname, '../../test/fakepve/baseline.json');

/** More than CPUs, because a replay mostly waits for guests to boot. */
const MAX_PARALLEL = 4;
/** A fake that never reaches what a step waits for would keep the tool busy for hours. */
const LIMIT_MS = 300_000;

/** Percent of the steps that agree, by recording. */
type Shares = Readonly<Record<string, number>>;

interface Recording {
  /** Its path below the folder of recordings, without the extension. */
  readonly name: string;
  readonly cluster: string;
}

function recordingsIn(dir: string): Recording[] {
  return Object.entries(CLUSTERS).flatMap(([folder, cluster]) =>
    (existsSync(join(dir, folder)) ? readdirSync(join(dir, folder)) : [])
      .filter((file) => file.endsWith('.json'))
      .map((file) => ({ name: join(folder, file.slice(0, -'.json'.length)), cluster })),
  );
}

/** Replays every recording of `dir` with `tool`, each against a fake of its own; the shares by recording. */
export async function replayAll(tool: string, dir: string): Promise<Shares> {
  const waiting = recordingsIn(dir);
  const shares: Record<string, number> = {};
  const exceptions = readExceptions();
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const fake = await startFake(next.cluster, LATENCY);
      try {
        const excepted = Object.keys(exceptions[next.name] ?? {});
        shares[next.name] = await replay(tool, join(dir, `${next.name}.json`), fake, excepted);
      } finally {
        await fake.stop();
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, worker));
  return Object.fromEntries(Object.entries(shares).toSorted());
}

/** @param excepted numbers of the steps that may differ */
async function replay(
  tool: string,
  recording: string,
  { url, token }: RunningFake,
  excepted: readonly string[],
): Promise<number> {
  const server = ['--url', url, '--token', token, '--reset', 'POST /fakepve/reset', '--outside', url];
  const options = [...server, '--max-wait', String(MAX_WAIT_S)];
  const { stdout, stderr } = await run(process.execPath, [tool, ...options, recording], {
    timeoutMs: LIMIT_MS,
  });
  const [, steps, agreed] = /^(\d+) steps, (\d+) agree \(/m.exec(stdout) ?? [];
  const differing = [...stdout.matchAll(/^DIFFERS \S+ #(\d+) /gm)].map(([, step]) => step ?? '');
  const good = Number(agreed) + differing.filter((step) => excepted.includes(step)).length;
  const share = Number(steps) > 0 ? Math.floor((1000 * good) / Number(steps)) / 10 : 0;
  if (steps === undefined || share < 100) say(`${stdout}${stderr}`.trimEnd());
  const idle = excepted.filter((step) => !differing.includes(step));
  if (idle.length > 0) say(`${recording}: no longer an exception: ${idle.join(', ')}`);
  return share;
}

/** Every recording counts as one check, compared with the committed baseline. */
export function judgeReplays(shares: Shares): Counts {
  say('\n=== recordings of Proxmox VE, replayed against the fake');
  const baseline = readBaseline();
  const counts = { passed: 0, failed: 0 };
  for (const [name, share] of Object.entries(shares)) {
    const required = baseline[name] ?? 0;
    if (share < required) counts.failed += 1;
    else counts.passed += 1;
    say(
      `${share < required ? 'FAILED' : 'passed'} ${name}: ${share} % agree, at least ${required} % required`,
    );
  }
  return counts;
}

/** Raises the baseline to the current shares. */
export async function raiseBaseline(tool: string, dir: string): Promise<Counts> {
  const before = readBaseline();
  const shares = Object.entries(await replayAll(tool, dir));
  const raised = shares.map(([name, share]) => [name, Math.max(share, before[name] ?? 0)] as const);
  writeFileSync(BASELINE, `${JSON.stringify(Object.fromEntries(raised), undefined, 2)}\n`);
  for (const [name, share] of raised) say(`${name}: ${share} %`);
  return { passed: raised.length, failed: 0 };
}

const readExceptions = (): Readonly<Record<string, Readonly<Record<string, string>>>> =>
  z.record(z.string(), z.record(z.string(), z.string())).parse(JSON.parse(readFileSync(EXCEPTIONS, 'utf8')));

function readBaseline(): Shares {
  return existsSync(BASELINE)
    ? z.record(z.string(), z.number()).parse(JSON.parse(readFileSync(BASELINE, 'utf8')))
    : {};
}
