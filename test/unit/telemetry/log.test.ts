import { describe, expect, test } from '@jest/globals';
import { KubeError } from '../../../src/kube/errors.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

function aLog(format: 'json' | 'text', level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const log = createLogger({ level, format, destination: { write: (line) => void lines.push(line) } });
  return { log, text: () => lines.join('') };
}

describe.each(['json', 'text'] as const)('a log in %s', (format) => {
  test('never holds a secret, wherever in an entry it is', () => {
    const { log, text } = aLog(format);
    const secrets = {
      password: 'hunter2',
      token: 'hunter2',
      cipassword: 'hunter2',
      Authorization: 'hunter2',
    };
    log.info({ ...secrets, request: secrets, config: { auth: secrets } }, 'connected');
    log.child({ values: { PVE_PASSWORD: 'hunter2' } }).info('connected');
    expect(text()).toContain('connected');
    expect(text()).not.toContain('hunter2');
  });

  test('holds an error with its stack, and nothing that was hung on it', () => {
    const { log, text } = aLog(format);
    const error = Object.assign(new Error('refused', { cause: new Error('reset') }), {
      response: { body: 'b0dy' },
    });
    log.error({ err: error }, 'request failed');
    expect(text()).toContain('refused');
    expect(text()).toContain('log.test.ts');
    expect(text()).toContain('reset');
    expect(text()).not.toContain('b0dy');
  });

  test('holds what another server answered without the stack', () => {
    const { log, text } = aLog(format);
    const message = 'storage is (re)initializing';
    log.warn({ err: new KubeError({ status: 429, reason: 'TooManyRequests', message }) }, 'watch failed');
    expect(text()).toContain(message);
    expect(text()).not.toContain('log.test.ts');
  });

  test('keeps to its level', () => {
    const { log, text } = aLog(format);
    log.debug('chatter');
    expect(text()).toBe('');
  });
});

test('a line of JSON has a level by name, a time, and no host or process', () => {
  const { log, text } = aLog('json', 'debug');
  log.debug({ kind: 'Provider' }, 'pass');
  expect(JSON.parse(text())).toEqual({
    level: 'debug',
    time: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
    kind: 'Provider',
    msg: 'pass',
  });
});
