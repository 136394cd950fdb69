import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { ManualClock, startFakePve } from './index.ts';
import { latencySchema } from './latency.ts';
import type { LatencyInput } from './latency.ts';

const usage = `Usage: npm run -s fakepve -- [options]
  --port N           listen here (default: 8006)
  --host ADDRESS     default: 127.0.0.1
  --name NAME        clients call it so too; may be given several times
  --cluster FILE     a description, or one of: document, recordings (default: document)
  --requests FILE    write every request there, one JSON object a line
  --latency FILE     how long things take, YAML or JSON
  --seed TEXT        MACs, UUIDs and secrets follow from it
  --clock TIME       time stands still there, until POST /fakepve/clock moves it (2026-01-01T00:00:00Z)
  --ca FILE          write the certificate to trust there`;

function portOf(text: string): number {
  const port = Number(text);
  if (text === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${text} is no port: give a number from 0 (any free one) to 65535`);
  return port;
}

function standing(text: string): ManualClock {
  const start = Date.parse(text);
  if (Number.isNaN(start))
    throw new Error(`--clock ${text} is no time: write for example 2026-01-01T00:00:00Z`);
  return new ManualClock(start);
}

function readProfile(path: string): LatencyInput {
  const { data, error } = latencySchema.safeParse(parse(readFileSync(path, 'utf8')) ?? {});
  if (error) throw new Error(`${path} cannot be used:\n${z.prettifyError(error)}`);
  return data;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8006' },
      host: { type: 'string' },
      name: { type: 'string', multiple: true },
      cluster: { type: 'string' },
      requests: { type: 'string' },
      latency: { type: 'string' },
      seed: { type: 'string' },
      clock: { type: 'string' },
      ca: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const { host, name, cluster, requests, latency, seed, clock, ca } = values;
  const fake = await startFakePve({
    port: portOf(values.port),
    ...(host === undefined ? {} : { host }),
    ...(name === undefined ? {} : { names: name }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(requests === undefined ? {} : { requestsFile: requests }),
    ...(latency === undefined ? {} : { latency: readProfile(latency) }),
    ...(seed === undefined ? {} : { seed }),
    ...(clock === undefined ? {} : { clock: standing(clock) }),
  });
  if (ca !== undefined) writeFileSync(ca, fake.ca);
  const end = (): void => {
    void fake.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  console.log(`fake PVE listening on ${fake.url} token ${fake.token}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
