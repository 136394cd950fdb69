import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../../src/cmd/operator/config.ts';
import { millis, minutes, seconds } from '../../../../src/lib/units.ts';

const configOf = (env: NodeJS.ProcessEnv = {}, args: readonly string[] = []) => {
  const result = readConfig(args, env);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  return result.config;
};
const faultsOf = (env: NodeJS.ProcessEnv, args: readonly string[] = []) => {
  const result = readConfig(args, env);
  return result.kind === 'faulty' ? result.faults : [];
};

describe('without flags and environment', () => {
  test('the operator runs with its defaults', () => {
    expect(configOf()).toEqual({
      log: { level: 'info', format: 'json' },
      kube: { file: undefined, context: undefined },
      namespace: 'virtrigaud-system',
      clusterId: undefined,
      podName: undefined,
      telemetry: { metrics: { host: '0.0.0.0', port: 8080 }, probes: undefined, tokenFile: undefined },
      leaderElect: true,
      watchNamespaces: undefined,
      pve: {},
      pveAllowFrom: ['*'],
      tasks: { maxGap: seconds(2), overdueAfter: minutes(5) },
    });
  });
});

describe('the namespaces to watch', () => {
  test.each([
    [{}, ['--watch-namespace', 'a', '--watch-namespace=b,c', '--watch-namespace', 'a'], ['a', 'b', 'c']],
    [{ WATCH_NAMESPACE: 'a, b' }, [], ['a', 'b']],
    [{ WATCH_NAMESPACE: 'a' }, ['--watch-namespace', 'b'], ['b']],
    [{ WATCH_NAMESPACE: '' }, [], undefined],
  ])('of %j and %j', (env, args, expected) => {
    expect(configOf(env, args).watchNamespaces).toEqual(expected);
  });

  test.each(['', '*', 'a,,b', 'Team', 'a/b', 'x'.repeat(64)])('cannot be "%s"', (text) => {
    const fault = 'must be names of namespaces separated by commas, for example team-a,team-b';
    expect(faultsOf({}, [`--watch-namespace=${text}`])).toEqual([`--watch-namespace: ${fault}`]);
    if (text !== '') expect(faultsOf({ WATCH_NAMESPACE: text })).toEqual([`WATCH_NAMESPACE: ${fault}`]);
  });
});

describe('the cluster id', () => {
  test('may be set, and an empty one is as good as none', () => {
    expect(configOf({ CLUSTER_ID: 'home-lab.1' }).clusterId).toBe('home-lab.1');
    expect(configOf({ CLUSTER_ID: '' }).clusterId).toBeUndefined();
  });

  // It is a part of the line that marks guests, where parts are separated by slashes.
  test.each(['a/b', 'a b', '-a', 'a'.repeat(64)])('cannot be "%s"', (id) => {
    expect(faultsOf({ CLUSTER_ID: id })).toEqual([expect.stringMatching(/^CLUSTER_ID: must be 1 to 63/)]);
  });
});

describe('the environment', () => {
  test('of Proxmox VE is passed on as it is', () => {
    const pve = { PVE_ENDPOINT: 'https://pve:8006/api2', PVE_TOKEN_SECRET: 's' };
    expect(configOf({ ...pve, PATH: '/bin', PVE_OTHER: 'x' }).pve).toEqual(pve);
  });

  test('may say whose Providers use the credentials in it', () => {
    expect(configOf({}).pveAllowFrom).toEqual(['*']);
    expect(configOf({ PVE_ALLOW_FROM: '' }).pveAllowFrom).toEqual(['*']);
    expect(configOf({ PVE_ALLOW_FROM: 'infra, team-a' }).pveAllowFrom).toEqual(['infra', 'team-a']);
    expect(faultsOf({ PVE_ALLOW_FROM: 'Team A' })).toEqual([
      expect.stringMatching(/^PVE_ALLOW_FROM.*must be \*/),
    ]);
  });

  test.each([
    ['500ms', millis(500)],
    ['10s', seconds(10)],
    ['1m30s', seconds(90)],
    ['3', seconds(3)],
  ])('may set how often tasks are asked about: %s', (text, expected) => {
    expect(configOf({ PVE_TASK_POLL_INTERVAL: text }).tasks.maxGap).toBe(expected);
    expect(configOf({ PVE_TASK_POLL_INTERVAL: text }).tasks.overdueAfter).toBe(minutes(5));
  });

  test.each(['', '600', '10m'])('may set when a task is overdue: "%s"', (text) => {
    expect(configOf({ PVE_TASK_TIMEOUT: text }).tasks.overdueAfter).toBe(
      text === '' ? minutes(5) : minutes(10),
    );
  });

  test('is refused with all its faults at once', () => {
    expect(
      faultsOf({ LOG_LEVEL: 'loud', PVE_TASK_POLL_INTERVAL: '10ms', PVE_TASK_TIMEOUT: 'soon' }, [
        '--metrics-bind-address=8080',
      ]),
    ).toEqual([
      '--metrics-bind-address: must be HOST:PORT or :PORT, for example :8080',
      expect.stringMatching(/^LOG_LEVEL: .*debug.*error/),
      'PVE_TASK_POLL_INTERVAL: must be at least 50ms',
      'PVE_TASK_TIMEOUT: "soon" is not a duration. Use a number and a unit, for example 60s or 5m',
    ]);
  });
});

describe('flags', () => {
  test('say where to listen and that nobody else runs', () => {
    const { telemetry, leaderElect } = configOf({}, [
      '--metrics-bind-address',
      '[::1]:0',
      '--no-leader-elect',
    ]);
    expect([telemetry.metrics, leaderElect]).toEqual([{ host: '::1', port: 0 }, false]);
  });

  test('say who may read the metrics', () => {
    const flags = [
      '--metrics-bind-address=0',
      '--health-probe-bind-address=:8081',
      '--metrics-token-file=/t',
    ];
    expect(configOf({}, flags).telemetry).toEqual({
      metrics: undefined,
      probes: { host: '0.0.0.0', port: 8081 },
      tokenFile: '/t',
    });
    expect(faultsOf({}, ['--health-probe-bind-address=0', '--metrics-token-file='])).toEqual([
      '--health-probe-bind-address: must be HOST:PORT or :PORT, for example :8080',
      '--metrics-token-file: must be the name of a file',
    ]);
  });

  test('ask for help or the version; unknown ones are faults', () => {
    expect(readConfig(['--help'], {})).toMatchObject({
      kind: 'help',
      text: expect.stringContaining('PVE_TASK_TIMEOUT'),
    });
    expect(readConfig(['--version'], {})).toEqual({ kind: 'version' });
    expect(faultsOf({}, ['--frobnicate'])).toEqual([expect.stringContaining('--frobnicate')]);
  });
});

describe('a mistake in the arguments', () => {
  test('that looks like a command is answered with the one that there is', () => {
    expect(faultsOf({}, ['chek'])).toEqual([
      'There is no command chek. The only one is check; without a command the operator runs. See --help.',
    ]);
  });

  test('that looks like a flag is named', () => {
    expect(faultsOf({}, ['--contxt', 'a'])).toEqual([expect.stringMatching(/'--contxt'.*See --help\.$/)]);
    expect(faultsOf({}, ['--context', 'a', 'b'])).toEqual([expect.stringMatching(/'b'.*See --help\.$/)]);
  });
});
