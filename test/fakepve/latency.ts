import { z } from 'zod';
import { endpoints } from './schema/schema.ts';

const ms = (fallback: number) => z.number().min(0).default(fallback);

const paths = new Set([...endpoints.keys()].flatMap((key) => [key, key.split(' ')[1] ?? '']));
const servedPath = z.string().refine((key) => paths.has(key), {
  error: ({ input }) =>
    `"${String(input)}" is not served: write for example "GET /nodes/{node}/qemu/{vmid}/config", or the path alone for all its methods`,
});

/** Durations in milliseconds. The defaults are close to those of a small real cluster. */
export const latencySchema = z.strictObject({
  /** Multiplies everything below, and the timeouts in requests: 0 means at once. */
  scale: z.number().min(0).default(1),
  /** Delay of every request, unless `endpoints` overrides it. */
  request: ms(0),
  /** By `METHOD /path/{placeholder}` or by the path alone. */
  endpoints: z.record(servedPath, z.number().min(0)).default({}),
  /** A refused login or token. */
  authFailure: ms(3000),
  /** How long a task waits for the lock of a guest before it times out. */
  lockTimeout: ms(10_000),
  qmcreate: ms(200),
  /** From the start of a clone until its target has more than the lock in its configuration. */
  cloneSetup: ms(50),
  cloneLinked: ms(500),
  cloneFull: ms(2000),
  qmconfig: ms(100),
  qmtemplate: ms(300),
  qmdestroy: ms(500),
  qmstart: ms(500),
  qmstop: ms(300),
  qmreset: ms(100),
  qmpause: ms(100),
  qmresume: ms(100),
  qmsuspend: ms(500),
  qmsnapshot: ms(500),
  qmdelsnapshot: ms(300),
  qmrollback: ms(500),
  qmmove: ms(1000),
  qmigrate: ms(2000),
  resize: ms(200),
  imgcopy: ms(100),
  imgdel: ms(100),
  download: ms(200),
  ha: ms(100),
  /** Until the HA manager acts on a requested state. */
  haManager: ms(1000),
  /** From power on until the guest's operating system is up. */
  guestBoot: ms(3000),
  /** From a shutdown request until the guest is off. */
  guestShutdown: ms(1500),
  /** In a reboot, from the guest being off until it is started again. */
  rebootGap: ms(300),
  /** From the end of a guest until `qm cleanup` has begun to clean up after it. */
  cleanupStart: ms(1000),
  /** How long `qm cleanup` holds the lock of a guest that runs again already. */
  cleanupWait: ms(30_000),
  /** How long PVE waits for a guest agent that does not answer. */
  agentTimeout: ms(3000),
  /** How long PVE waits for a guest to release a device. */
  unplugTimeout: ms(5000),
  /** How long lists show the guests of a node that no longer answers as they were. */
  statisticsKept: ms(300_000),
  /** After a change, until /cluster/resources and pools show it (PVE collects every 10 s). */
  statistics: ms(0),
});

export type Latency = z.output<typeof latencySchema>;
export type LatencyInput = z.input<typeof latencySchema>;

/** Delay of a request; `key` is `METHOD /path/{placeholder}` if that is served. */
export function requestDelay({ endpoints: own, request }: Latency, key: string | undefined): number {
  if (key === undefined) return request;
  return own[key] ?? own[key.split(' ')[1] ?? ''] ?? request;
}

/** Everything happens at once: for tests that are not about time. */
export const instant: LatencyInput = { scale: 0 };

/** A tenth of real time: for tests that observe what happens in the meantime. */
export const quick: LatencyInput = { scale: 0.1 };

export const readLatency = (input: LatencyInput = {}): Latency => latencySchema.parse(input);
