/** The help texts, in the form of kubectl's. Pure. */
import type { Command } from './command.ts';
import { GLOBAL_FLAGS } from './common-flags.ts';
import type { Flag } from './flags.ts';
import { wrap } from './output/text.ts';

const WIDTH = 100;

/** How a command is called: it depends on the name of the program. */
export const calledBy = (program: string, command: Command): string =>
  program === 'kubectl create vmsnapshot' ? program : `kubectl vm ${command.name}`;

/** `kubectl vm start --help`. */
export function helpOf(command: Command, program = 'kubectl vm'): string {
  return [
    wrap(`${command.summary}.`, WIDTH),
    ...command.about.map((paragraph) => `\n${wrap(plain(paragraph), WIDTH, ' ')}`),
    '\nExamples:\n',
    command.examples.map(({ text, command: line }) => `  # ${text}\n  ${line}\n`).join('\n'),
    `\nUsage:\n  ${calledBy(program, command)} ${command.usage}\n`,
    ...(command.flags.length > 0 ? [`\nFlags:\n${flagLines(command.flags)}`] : []),
    `\nFlags of all commands:\n${flagLines(GLOBAL_FLAGS)}`,
  ].join('');
}

const plain = (text: string): string => text.replaceAll('`', "'");

function flagLines(flags: readonly Flag[]): string {
  const heads = flags.map(flagHead);
  const width = Math.max(...heads.map(({ length }) => length)) + 2;
  return flags
    .map(({ meaning }, index) => {
      const [first = '', ...rest] = wrap(meaning, WIDTH - width - 2)
        .trimEnd()
        .split('\n');
      const more = rest.map((line) => `${' '.repeat(width + 2)}${line}\n`).join('');
      return `  ${(heads[index] ?? '').padEnd(width)}${first}\n${more}`;
    })
    .join('');
}

export const flagHead = ({ name, short, value }: Flag): string =>
  `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : `=${value}`}`;

/** `kubectl vm help`. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 3;
  return [
    'Virtual machines of virtrigaud-proxmox.\n\nCommands:\n',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}\n`),
    '\nUsage:\n  kubectl vm COMMAND [flags]\n',
    '\nUse "kubectl vm COMMAND --help" for more about a command.\n',
  ].join('');
}
