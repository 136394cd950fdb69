import { describe, expect, test } from '@jest/globals';
import { GLOBAL_FLAGS, OUTPUT } from '../../../src/cli/common-flags.ts';
import { readFlags } from '../../../src/cli/flags.ts';

const KNOWN = [
  { name: 'include-memory', meaning: '' },
  { name: 'vm', value: 'NAME', meaning: '' },
  OUTPUT,
  ...GLOBAL_FLAGS,
];

function read(...words: readonly string[]) {
  const result = readFlags(words, KNOWN);
  if ('problem' in result) throw new Error(result.problem);
  return result.value;
}

describe('flags', () => {
  test.each([[['--vm', 'web']], [['--vm=web']], [['--vm=db', '--vm=web']]])('%j names a VM', (words) => {
    expect(read(...words).flags.text('vm')).toBe('web');
  });

  test.each([[['-n', 'a']], [['-na']], [['-n=a']], [['--namespace', 'a']]])(
    '%j names a namespace',
    (words) => {
      expect(read(...words).flags.text('namespace')).toBe('a');
    },
  );

  test.each([
    ['--include-memory', true],
    ['--include-memory=true', true],
    ['--include-memory=false', false],
  ])('%s is %s', (word, is) => {
    expect(read(word).flags.is('include-memory')).toBe(is);
  });

  test('stand before, between and after names', () => {
    const { args, flags } = read('--vm', 'web', 'one', '-n', 'a', 'two', '-o', 'yaml');
    expect(args).toEqual(['one', 'two']);
    expect([flags.text('vm'), flags.text('namespace'), flags.text('output')]).toEqual(['web', 'a', 'yaml']);
  });

  test('may be repeated where they are a list, and a comma is a part of the value, as for kubectl', () => {
    expect(read('--as-group=a', '--as-group', 'b,c').flags.list('as-group')).toEqual(['a', 'b,c']);
  });

  test('after two hyphens belong to somebody else', () => {
    expect(read('web', '--', '-n', '--vm')).toMatchObject({ args: ['web'], rest: ['-n', '--vm'] });
  });
});

describe('a flag', () => {
  test.each([
    ['that does not exist is named', '--vn=a', /^unknown flag: --vn$/],
    ['of one letter, too', '-x', /^unknown shorthand flag: 'x' in -x$/],
    ['without its value is named', '--vm', /^flag needs an argument: --vm$/],
    [
      'with a value that it does not take is named',
      '-oxml',
      /^invalid argument "xml" for "--output" flag: must be one of json, yaml, name, wide$/,
    ],
    [
      'that is neither true nor false is named',
      '--include-memory=yes',
      /^invalid argument "yes" for "--include-memory"/,
    ],
  ])('%s', (_, word, problem) => {
    expect(readFlags([word], KNOWN)).toEqual({ problem: expect.stringMatching(problem) });
  });
});
