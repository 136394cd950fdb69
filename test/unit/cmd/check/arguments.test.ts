import { expect, test } from '@jest/globals';
import { readCheckArguments } from '../../../../src/cmd/check/arguments.ts';
import { causeOf } from '../../../../src/cmd/check/cause.ts';

test('without flags the environment is checked and the findings are printed as text', () => {
  expect(readCheckArguments([])).toEqual({
    kind: 'check',
    options: { provider: undefined, kubeconfig: undefined, context: undefined, output: 'text' },
  });
});

test.each([
  ['an unknown flag', ['--nonsense']],
  ['an unknown output', ['--output', 'xml']],
  ['a Provider that is no name', ['--provider', 'a/b/c']],
  ['an empty namespace', ['--provider', '/b']],
  ['a word too many', ['now']],
])('%s is refused', (_what, args) => {
  expect(readCheckArguments(args).kind).toBe('faulty');
});

test('a flag that does not exist is answered with where the others are listed', () => {
  expect(readCheckArguments(['--provdier', 'a'])).toEqual({
    kind: 'faulty',
    fault: expect.stringMatching(/Unknown option '--provdier'\. See virtrigaud-proxmox check --help\.$/),
  });
});

test('the cause of a failure is its innermost words, and of several each once', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:9');
  expect(causeOf(new Error('outer', { cause: new Error('middle', { cause: refused }) }))).toBe(
    refused.message,
  );
  expect(causeOf(new AggregateError([refused, refused, new Error('other')]))).toBe(
    `${refused.message}; other`,
  );
  expect(causeOf('words')).toBe('words');
});
