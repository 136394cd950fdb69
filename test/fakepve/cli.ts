import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { ManualClock, startFakePve } from './index.ts';
import { latencySchema } from './latency.ts';
import type { LatencyInput } from './latency.ts';

const usage = `Usage: npm run -s fakepve -- [options]
  --port N           port to listen on (default: 8006)
  --host ADDRESS     address to listen on (default: 127.0.0.1)
  --name NAME        additional name or address in the certificate; may be repeated
  --cluster FILE     a description, or one of: document, recordings, two-nodes (default: document)
  --pve VERSION      speak the API of this version: 7.0, 7.2, 7.4, 8.0, 8.2, 8.4, 9.0 or 9.2 (default)
  --requests FILE    log every request to this file, one JSON object per line
  --latency FILE     how long operations take, YAML or JSON
  --seed TEXT        MACs, UUIDs and secrets are derived from it
  --clock TIME       stop the clock at this time, until POST /fakepve/clock advances it (2026-01-01T00:00:00Z)
  --ca FILE          write the certificate to trust to this file`;

function portOf(text: string): number {
  const port = Number(text);
  if (text === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${text} is not a port: give a number from 0 (any free one) to 65535`);
  return port;
}

function manualClock(text: string): ManualClock {
  const start = Date.parse(text);
  if (Number.isNaN(start))
    throw new Error(`--clock ${text} is not a time: write for example 2026-01-01T00:00:00Z`);
  return new ManualClock(start);
}

function readProfile(path: string): LatencyInput {
  const { data, error } = latencySchema.safeParse(parse(readFileSync(path, 'utf8')) ?? {});
  if (error) throw new Error(`${path} is invalid:\n${z.prettifyError(error)}`);
  return data;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8006' },
      host: { type: 'string' },
      name: { type: 'string', multiple: true },
      cluster: { type: 'string' },
      pve: { type: 'string' },
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
  const { host, name, cluster, pve, requests, latency, seed, clock, ca } = values;
  const fake = await startFakePve({
    port: portOf(values.port),
    ...(host === undefined ? {} : { host }),
    ...(name === undefined ? {} : { names: name }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(pve === undefined ? {} : { pve }),
    ...(requests === undefined ? {} : { requestsFile: requests }),
    ...(latency === undefined ? {} : { latency: readProfile(latency) }),
    ...(seed === undefined ? {} : { seed }),
    ...(clock === undefined ? {} : { clock: manualClock(clock) }),
  });
  if (ca !== undefined) writeFileSync(ca, fake.ca);
  const end = (): void => {
    void fake.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  console.log(`fake PVE listening on ${fake.url} token ${fake.token}`);
}

function sentenceOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return 'code' in error && error.code === 'EADDRINUSE'
    ? `Another program listens at this address already (${error.message}): end it, or choose another port with --port.`
    : error.message;
}

main().catch((error: unknown) => {
  console.error(sentenceOf(error));
  process.exit(1);
});
