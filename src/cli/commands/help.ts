/** `kubectl vm help`. */
import type { Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { helpOf, overview } from '../help.ts';

/** @param commands all of them, once they are known */
export const helpFor = (commands: () => readonly Command[]): Command => ({
  name: 'help',
  usage: '[COMMAND]',
  summary: 'Print the commands, or the help of one',
  about: [],
  examples: [{ text: 'Help for a command', command: 'kubectl vm help why' }],
  flags: [],
  args: { min: 0, max: 1 },
  run({ args: [name], terminal }) {
    const found = commands().find((command) => command.name === name);
    if (name !== undefined && !found) throw new CliError(`unknown command "${name}" for "kubectl vm"`);
    terminal.out(found ? helpOf(found) : overview(commands()));
    return Promise.resolve(0);
  },
});
