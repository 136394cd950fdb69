import { describe, expect, test } from '@jest/globals';
import { millis, seconds } from '../../../src/lib/units.ts';
import { PASS_REASONS } from '../../../src/runtime/pass-reason.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const queue = { depth: 3, longestRunning: seconds(2) };

async function lines(change: (metrics: ReturnType<typeof createMetrics>) => void): Promise<string[]> {
  const metrics = createMetrics({ version: '1.2.3', commit: 'abc' });
  change(metrics);
  return (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('virtrigaud_'));
}

const call = {
  provider: 'infra/prod',
  method: 'GET',
  route: '/nodes/{node}',
  code: '200',
  duration: millis(100),
};

describe('the metrics', () => {
  test('name the build', async () => {
    const exposed = await lines(() => undefined);
    expect(exposed).toContainEqual(
      expect.stringMatching(/^virtrigaud_build_info\{version="1\.2\.3",git_sha="abc",.*\} 1$/),
    );
  });

  test('have every series of a controller from the start', async () => {
    const exposed = await lines((metrics) => metrics.addRunner({ kind: 'VMImage', queue } as never));
    for (const outcome of [
      'settled',
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
    ])
      expect(exposed).toContain(`virtrigaud_manager_reconcile_total{kind="VMImage",outcome="${outcome}"} 0`);
    for (const reason of PASS_REASONS)
      expect(exposed).toContain(
        `virtrigaud_manager_reconcile_reasons_total{kind="VMImage",reason="${reason}"} 0`,
      );
    expect(exposed).toContain('virtrigaud_manager_reconcile_duration_seconds_count{kind="VMImage"} 0');
    expect(exposed).toContain('virtrigaud_watch_restarts_total{kind="VMImage"} 0');
    expect(exposed).toContain('virtrigaud_queue_depth{kind="VMImage"} 3');
    expect(exposed).toContain('virtrigaud_queue_longest_running_seconds{kind="VMImage"} 2');
  });

  test('count passes, and what went wrong in them by reason', async () => {
    const exposed = await lines((metrics) => {
      metrics.addRunner({ kind: 'VirtualMachine', queue } as never);
      const pass = {
        kind: 'VirtualMachine',
        reasons: new Set(['edit', 'taskEnded'] as const),
        duration: millis(20),
      };
      metrics.passEnded({ ...pass, outcome: 'settled' });
      metrics.passEnded({ ...pass, outcome: 'waiting', reason: 'TaskRunning' });
      metrics.passEnded({ ...pass, outcome: 'stalled', reason: 'DiskShrink' });
      metrics.passEnded({ ...pass, outcome: 'bug' });
    });
    expect(exposed).toContain(
      'virtrigaud_manager_reconcile_total{kind="VirtualMachine",outcome="settled"} 1',
    );
    expect(exposed).toContain(
      'virtrigaud_manager_reconcile_duration_seconds_sum{kind="VirtualMachine"} 0.08',
    );
    for (const [reason, count] of [
      ['edit', 4],
      ['taskEnded', 4],
      ['timer', 0],
    ])
      expect(exposed).toContain(
        `virtrigaud_manager_reconcile_reasons_total{kind="VirtualMachine",reason="${reason}"} ${count}`,
      );
    expect(exposed.filter((line) => line.startsWith('virtrigaud_errors_total'))).toEqual([
      'virtrigaud_errors_total{reason="DiskShrink",component="VirtualMachine"} 1',
      'virtrigaud_errors_total{reason="InternalError",component="VirtualMachine"} 1',
    ]);
  });

  test('count calls to Proxmox VE by route, and show who leads', async () => {
    const exposed = await lines((metrics) => {
      metrics.pveCallEnded(call);
      metrics.setLeader(true);
    });
    expect(exposed).toContain(
      'virtrigaud_pve_requests_total{provider="infra/prod",method="GET",route="/nodes/{node}",code="200"} 1',
    );
    expect(exposed).toContain(
      'virtrigaud_pve_request_duration_seconds_count{provider="infra/prod",route="/nodes/{node}"} 1',
    );
    expect(exposed).toContain('virtrigaud_leader 1');
  });

  test('do not keep Providers that are gone', async () => {
    const metrics = createMetrics({ version: '1.2.3', commit: 'abc' });
    for (const provider of ['infra/prod', 'infra/dev,infra/prod', 'infra/dev'])
      metrics.pveCallEnded({ ...call, provider });
    metrics.forgetProvider('infra/prod');
    await new Promise(setImmediate);
    const exposed = await metrics.registry.metrics();
    expect(exposed).not.toContain('infra/prod');
    expect(exposed).toContain('virtrigaud_pve_requests_total{provider="infra/dev",');
    expect(exposed).toContain(
      'virtrigaud_pve_request_duration_seconds_bucket{le="0.1",provider="infra/dev",',
    );
  });
});
