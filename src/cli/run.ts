/** Finds the command, reads its flags, and says in kubectl's words what was wrong with them. */
import { closestOf } from '../lib/closest.ts';
import { openCluster, type OpenCluster } from './cluster/connect.ts';
import { GLOBAL_FLAGS } from './common-flags.ts';
import type { Call, Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { complete } from './commands/completion.ts';
import { CliError, codeOf, faultText, LeftBehind } from './failure.ts';
import { readFlags, type CommandLine, type Flags } from './flags.ts';
import { INTERRUPTED } from './interruption.ts';
import { calledBy, helpOf, overview } from './help.ts';
import { checkedNamespace, namesIn } from './names.ts';
import type { Terminal } from './terminal.ts';

export const CREATE_VMSNAPSHOT = 'kubectl create vmsnapshot';
/** What kubectl starts for the completion. */
export const COMPLETE = 'kubectl_complete-vm';

/**
 * @param program how it was called: `kubectl vm`, or the one command that is a program of its own
 * @returns the exit code
 */
export async function run(program: string, words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (program === CREATE_VMSNAPSHOT)
      return await called(commandNamed('snapshot'), program, words, terminal);
    const [name, ...rest] = words;
    if (program === COMPLETE) return await completed(words, terminal);
    if (name === '__complete') return await completed(rest, terminal);
    if (name === undefined || name === '--help' || name === '-h') {
      terminal.out(overview(COMMANDS));
      return 0;
    }
    return await called(commandNamed(name === '--version' ? 'version' : name), program, rest, terminal);
  } catch (error) {
    if (terminal.interrupted.aborted && !(error instanceof LeftBehind)) return INTERRUPTED;
    terminal.err(`${faultText(error)}\n`);
    return codeOf(error);
  }
}

/** With the context and the namespace that the line has so far. */
function completed(words: readonly string[], terminal: Terminal): Promise<number> {
  const own = COMMANDS.find(({ name }) => name === words[0])?.flags ?? [];
  const read = readFlags(words.slice(1, -1), [...own, ...GLOBAL_FLAGS]);
  const line = 'problem' in read ? readFlags([], GLOBAL_FLAGS) : read;
  if ('problem' in line) return Promise.resolve(0);
  return withCluster(line.value, terminal, (call) => complete(COMMANDS, words, call));
}

function commandNamed(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (found) return found;
  if (name.startsWith('-')) throw new CliError(`flags follow the command: kubectl vm COMMAND ${name}`);
  const names = COMMANDS.map((command) => command.name);
  throw new CliError(
    `unknown command "${name}" for "kubectl vm"\n\nDid you mean this?\n\t${closestOf(name, names).split(', ')[0] ?? ''}\n`,
  );
}

async function called(
  command: Command,
  program: string,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const read = readFlags(words, [...command.flags, ...GLOBAL_FLAGS]);
  const line = calledBy(program, command);
  if ('problem' in read) throw new CliError(`${read.problem}\nSee '${line} --help' for usage.`);
  if (read.value.flags.is('help')) {
    terminal.out(helpOf(command, program));
    return 0;
  }
  const { length } = read.value.args;
  if (length < command.args.min || length > command.args.max)
    throw new CliError(
      `${expected(command, length)}\nUsage: ${line} ${command.usage}\nSee '${line} --help' for usage.`,
    );
  const args = namesIn(command, read.value.args);
  return withCluster({ ...read.value, args }, terminal, (call) => command.run(call));
}

function expected({ args: { min, max } }: Command, got: number): string {
  if (min === max) return `exactly ${count(min)} required, got ${got}`;
  return got < min
    ? `at least ${count(min)} required, got ${got}`
    : `at most ${count(max)} possible, got ${got}`;
}

const count = (number: number): string => (number === 1 ? 'one argument is' : `${number} arguments are`);

/** kubectl takes an empty one for none. */
function namespaceOf(flags: Flags): string | undefined {
  const name = flags.text('namespace') ?? '';
  return name === '' ? undefined : checkedNamespace(name);
}

async function withCluster(
  line: CommandLine,
  terminal: Terminal,
  work: (call: Call) => Promise<number>,
): Promise<number> {
  let open: OpenCluster | undefined;
  const { flags } = line;
  const cluster = (): Promise<OpenCluster['cluster']> => {
    open ??= openCluster(
      {
        kubeconfig: flags.text('kubeconfig'),
        context: flags.text('context'),
        namespace: namespaceOf(flags),
        as: flags.text('as'),
        asGroups: flags.list('as-group'),
        asUid: flags.text('as-uid'),
      },
      terminal.clock,
      terminal.interrupted,
    );
    return Promise.resolve(open.cluster);
  };
  try {
    return await work({ ...line, terminal, cluster });
  } finally {
    await open?.close();
  }
}
