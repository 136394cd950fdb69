import { expect, test } from '@jest/globals';
import { CliError, codeOf, faultText } from '../../../src/cli/failure.ts';
import { KubeError } from '../../../src/kube/errors.ts';

const unreachable = (cause: unknown) =>
  new KubeError({ status: 0, reason: 'Unreachable', message: 'GET /api: no answer' }, { cause });
const refused = Object.assign(new Error('connect'), {
  code: 'ECONNREFUSED',
  address: '10.0.0.1',
  port: 6443,
});

const REFUSED =
  'The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?';

test.each([
  [
    'a refusal',
    new KubeError({ status: 403, reason: 'Forbidden', message: 'no' }),
    'Error from server (Forbidden): no',
  ],
  ['a port that nothing listens on', unreachable(refused), REFUSED],
  ['one behind several addresses', unreachable(new AggregateError([refused, refused])), REFUSED],
  ['one behind another error', unreachable(new Error('fetch failed', { cause: refused })), REFUSED],
  ['no answer', unreachable(undefined), 'Unable to connect to the server: GET /api: no answer'],
  ['a fault of the command line', new CliError('unknown flag: --foo'), 'error: unknown flag: --foo'],
  ['no kubeconfig', new KubeError({ status: 0, reason: 'NoConfiguration', message: 'none' }), 'error: none'],
])('%s is reported in the words of kubectl', (_, error, text) => {
  expect(faultText(error)).toBe(text);
  expect(codeOf(error)).toBe(1);
});
