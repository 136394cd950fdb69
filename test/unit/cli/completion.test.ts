import { describe, expect, test } from '@jest/globals';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { candidatesFor } from '../../../src/cli/completion/candidates.ts';

function words(...typed: readonly string[]): unknown {
  const found = candidatesFor(COMMANDS, typed);
  return 'words' in found ? found.words.map(({ word }) => word) : found;
}

describe('the completion', () => {
  test.each([
    [['sta'], ['start']],
    [['snap'], ['snapshot', 'snapshots']],
    [['nothing', ''], []],
    [['stop', '--fo'], ['--force']],
    [['list', '-o', 'j'], ['json']],
    [['list', '--output=n'], ['name']],
    [['completion', 'f'], ['fish']],
    [['completion', 'fish', ''], []],
    [['start', '-n', ''], []],
  ])('of %j is %j', (typed, found) => {
    expect(words(...typed)).toEqual(found);
  });

  test.each([
    [['start', 'we'], { names: 'VirtualMachine', given: [] }],
    [['start', 'web', '-n', 'a', 'db', ''], { names: 'VirtualMachine', given: ['web', 'db'] }],
    [['revert', ''], { names: 'VMSnapshot', given: [] }],
    [['snapshot', 'before', '--vm', 'w'], { names: 'VirtualMachine', given: [] }],
    [['snapshot', 'before', '--vm=w'], { names: 'VirtualMachine', given: [] }],
    [['ssh', 'web', '-i', ''], { files: true }],
  ])('of %j is %j', (typed, found) => {
    expect(words(...typed)).toEqual(found);
  });

  test('begins with all commands', () => {
    expect(words('')).toEqual(COMMANDS.map(({ name }) => name));
  });
});
