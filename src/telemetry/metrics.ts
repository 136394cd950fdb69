/** What the process does: passes, queues, requests. Labels hold kinds, routes, reasons and names of Providers. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Millis } from '../lib/units.ts';
import { millis, seconds } from '../lib/units.ts';
import type { PassRecord, Runner } from '../runtime/controller-runner.ts';
import { PASS_REASONS } from '../runtime/pass-reason.ts';

export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
}

export interface PveCall {
  /** `namespace/name`, several joined by commas where Providers share a connection. */
  readonly provider: string;
  readonly method: string;
  /** The template of the path, such as `/nodes/{node}/qemu/{vmid}/config`. */
  readonly route: string;
  /** The status of the answer, or a word for why there was none. */
  readonly code: string;
  readonly duration: Millis;
}

export interface Metrics {
  readonly registry: Registry;
  /** Starts every series of a controller at zero and reads its queue from then on. */
  addRunner(runner: Pick<Runner, 'kind' | 'queue'>): void;
  passEnded(pass: PassRecord): void;
  pveCallEnded(call: PveCall): void;
  /** The Provider is gone: names that come and go must not add up. */
  forgetProvider(provider: string): void;
  watchRestarted(kind: string): void;
  errorMet(reason: string, component: string): void;
  setLeader(leads: boolean): void;
}

const PASS_OUTCOMES: readonly PassRecord['outcome'][] = [
  'settled',
  'unchanged',
  'progressed',
  'waiting',
  'retry',
  'stalled',
  'suspended',
  'released',
  'finalizerAdded',
  'finalizerRemoved',
  'conflict',
  'bug',
  'skipped',
  'error',
];

const inSeconds = (duration: Millis): number => duration / seconds(1);

/** A pass takes milliseconds when there is nothing to do, and seconds when Proxmox VE is slow. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(build: BuildInfo): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'virtrigaud_build_info',
    help: 'The build that is running; always 1.',
    labelNames: ['version', 'git_sha', 'node_version', 'component'],
    registers,
  });
  info.set(
    {
      version: build.version,
      git_sha: build.commit,
      node_version: process.version,
      component: 'provider-proxmox',
    },
    1,
  );
  const passes = new Counter({
    name: 'virtrigaud_manager_reconcile_total',
    help: 'Passes over objects, by how they ended.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const passReasons = new Counter({
    name: 'virtrigaud_manager_reconcile_reasons_total',
    help: 'Passes over objects, by what asked for them. A pass with several reasons counts once for each.',
    labelNames: ['kind', 'reason'],
    registers,
  });
  const passSeconds = new Histogram({
    name: 'virtrigaud_manager_reconcile_duration_seconds',
    help: 'How long a pass took.',
    labelNames: ['kind'],
    buckets: BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'virtrigaud_errors_total',
    help: 'What went wrong, by reason and by the part that met it.',
    labelNames: ['reason', 'component'],
    registers,
  });
  const pveRequests = new Counter({
    name: 'virtrigaud_pve_requests_total',
    help: 'Requests to Proxmox VE.',
    labelNames: ['provider', 'method', 'route', 'code'],
    registers,
  });
  const pveSeconds = new Histogram({
    name: 'virtrigaud_pve_request_duration_seconds',
    help: 'How long Proxmox VE took to answer.',
    labelNames: ['provider', 'route'],
    buckets: BUCKETS,
    registers,
  });
  const restarts = new Counter({
    name: 'virtrigaud_watch_restarts_total',
    help: 'Watches that ended and were started again.',
    labelNames: ['kind'],
    registers,
  });
  const leader = new Gauge({ name: 'virtrigaud_leader', help: '1 while this process leads.', registers });
  leader.set(0);
  const queues = queueGauges(registers);

  return {
    registry,
    addRunner({ kind, queue }) {
      for (const outcome of PASS_OUTCOMES) passes.inc({ kind, outcome }, 0);
      for (const reason of PASS_REASONS) passReasons.inc({ kind, reason }, 0);
      passSeconds.zero({ kind });
      restarts.inc({ kind }, 0);
      queues.set(kind, queue);
    },
    passEnded({ kind, reasons, outcome, reason, duration }) {
      for (const why of reasons) passReasons.inc({ kind, reason: why });
      passes.inc({ kind, outcome });
      passSeconds.observe({ kind }, inSeconds(duration));
      if (outcome === 'retry' || outcome === 'stalled')
        errors.inc({ reason: reason ?? 'Unknown', component: kind });
      if (outcome === 'bug') errors.inc({ reason: 'InternalError', component: kind });
      if (outcome === 'error') errors.inc({ reason: 'WriteFailed', component: kind });
    },
    pveCallEnded({ provider, method, route, code, duration }) {
      pveRequests.inc({ provider, method, route, code });
      pveSeconds.observe({ provider, route }, inSeconds(duration));
    },
    forgetProvider(provider) {
      void removeSeries(pveRequests, provider);
      void removeSeries(pveSeconds, provider);
    },
    watchRestarted: (kind) => restarts.inc({ kind }),
    errorMet: (reason, component) => errors.inc({ reason, component }),
    setLeader: (leads) => leader.set(leads ? 1 : 0),
  };
}

/** All series of a metric in whose label `provider` this one is named. */
async function removeSeries(
  metric: Counter<'provider' | 'method' | 'route' | 'code'> | Histogram<'provider' | 'route'>,
  provider: string,
): Promise<void> {
  for (const { labels } of (await metric.get()).values) {
    const { le: _bucket, ...series } = { le: undefined, ...labels };
    if (String(series.provider).split(',').includes(provider)) metric.remove(series);
  }
}

type Queue = Pick<Runner['queue'], 'depth' | 'longestRunning'>;

function queueGauges(registers: Registry[]): Map<string, Queue> {
  const queues = new Map<string, Queue>();
  const gauge = (name: string, help: string, read: (queue: Queue) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers,
      collect() {
        for (const [kind, queue] of queues) this.set({ kind }, read(queue));
      },
    });
  };
  gauge('virtrigaud_queue_depth', 'Objects that wait for a worker.', ({ depth }) => depth);
  gauge(
    'virtrigaud_queue_longest_running_seconds',
    'The age of the oldest running pass.',
    ({ longestRunning }) => inSeconds(millis(longestRunning)),
  );
  return queues;
}
