import { describe, expect, test } from '@jest/globals';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { CREATE_VMSNAPSHOT, run } from '../../../src/cli/run.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

async function ran(words: readonly string[], program = 'kubectl vm', interrupted = new AbortController()) {
  const printed = { out: '', err: '' };
  const terminal: Terminal = {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
    colour: false,
    progress: false,
    clock: systemClock,
    interrupted: interrupted.signal,
    platform: 'linux',
    finish: (_, work) => work,
    run: () => Promise.resolve(0),
  };
  return { code: await run(program, words, terminal), ...printed };
}

describe('the program', () => {
  test.each([[[]], [['--help']], [['help']]])('lists its commands: %j', async (words) => {
    const { code, out } = await ran(words);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`\\n  ${name} +${summary}\\n`));
  });

  test.each(COMMANDS.map(({ name }) => name))('has a help text with an example for %s', async (name) => {
    const { code, out } = await ran([name, '--help']);
    expect(code).toBe(0);
    expect(out).toContain('\nExamples:\n  # ');
    expect(out).toContain(`\nUsage:\n  kubectl vm ${name}`);
    expect((await ran(['help', name])).out).toBe(out);
  });

  test.each([
    [['strat'], 'error: unknown command "strat" for "kubectl vm"\n\nDid you mean this?\n\tstart\n'],
    [['-n', 'a', 'list'], 'error: flags follow the command: kubectl vm COMMAND -n\n'],
    [['list', '--foo'], "error: unknown flag: --foo\nSee 'kubectl vm list --help' for usage.\n"],
    [['why'], 'error: exactly one argument is required, got 0\nUsage: kubectl vm why [KIND/]NAME [flags]\n'],
    [['migrate', 'web'], 'error: exactly 2 arguments are required, got 1\n'],
    [['help', 'a', 'b'], 'error: at most one argument is possible, got 2\n'],
    [['completion', 'tcsh'], 'error: unsupported shell type "tcsh"'],
    [['list', '-n', 'a/virtualmachines'], 'error: invalid namespace "a/virtualmachines"'],
    [['stop', 'web/status'], 'error: the server doesn\'t have a resource type "web" of ours\n'],
    [['list', '--kubeconfig=/nowhere/at/all'], 'error: The kubeconfig could not be read'],
  ])('answers %j with what is wrong', async (words, err) => {
    const result = await ran(words);
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toContain(err);
  });

  test('is one command under the name that kubectl gives it below create', async () => {
    const { out } = await ran(['--help'], CREATE_VMSNAPSHOT);
    expect(out).toContain('Usage:\n  kubectl create vmsnapshot NAME --vm=VM [flags]');
    expect((await ran(['a'], CREATE_VMSNAPSHOT)).err).toBe('error: required flag(s) "vm" not set\n');
  });

  test('says nothing after Ctrl-C, and ends as shells expect it', async () => {
    const interrupted = new AbortController();
    interrupted.abort();
    expect(await ran(['why', 'web', '--kubeconfig=/nowhere'], 'kubectl vm', interrupted)).toEqual({
      code: 130,
      out: '',
      err: '',
    });
  });

  test('completes words without a cluster, and never fails', async () => {
    expect((await ran(['__complete', 'sna'])).out).toMatch(/^snapshot\t.*\nsnapshots\t.*\n:4\n$/);
    for (const flag of ['--kubeconfig=/nowhere', '--namespace=a/b'])
      expect(await ran(['__complete', 'start', flag, ''])).toMatchObject({ code: 0, out: ':4\n' });
  });
});
