/** Flags as kubectl reads them: `--name value`, `--name=value`, `-n value`, `--yes=false`, anywhere after the command. Pure. */
import { parseArgs } from 'node:util';
import type { Result } from '../lib/result.ts';

export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What its value is, for the help; absent: it is true or false. */
  readonly value?: string;
  /** May be repeated. */
  readonly multiple?: boolean;
  readonly meaning: string;
  /** What the value can be, for the completion and the check. */
  readonly choices?: readonly string[];
}

export interface Flags {
  readonly text: (name: string) => string | undefined;
  readonly is: (name: string) => boolean;
  readonly list: (name: string) => readonly string[];
}

export interface CommandLine {
  readonly args: readonly string[];
  /** After `--`. */
  readonly rest: readonly string[];
  readonly flags: Flags;
}

interface Token {
  readonly kind: 'option' | 'positional' | 'option-terminator';
  readonly name?: string | undefined;
  readonly rawName?: string | undefined;
  readonly value?: string | undefined;
}

/** Reads what follows the name of the command. */
export function readFlags(words: readonly string[], known: readonly Flag[]): Result<CommandLine> {
  const end = words.indexOf('--');
  const [before, rest] = end < 0 ? [words, []] : [words.slice(0, end), words.slice(end + 1)];
  const { tokens } = parseArgs({
    args: before.map(withLongEquals),
    options: Object.fromEntries(known.map((flag) => [flag.name, optionOf(flag)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    const read = valueOf(token, known);
    if ('problem' in read) return read;
    values.set(token.name, [...(values.get(token.name) ?? []), read.value]);
  }
  return { value: { args, rest, flags: flagsOver(values) } };
}

const optionOf = ({ short, value }: Flag) => ({
  type: value === undefined ? ('boolean' as const) : ('string' as const),
  ...(short !== undefined && { short }),
  multiple: true,
});

/** `-n=web` means `-n web`, as in kubectl. */
const withLongEquals = (word: string): string => word.replace(/^(-[A-Za-z])=/, '$1');

function valueOf(token: Token, known: readonly Flag[]): Result<string> {
  const flag = known.find(({ name }) => name === token.name);
  if (!flag) return { problem: unknown(token) };
  if (flag.value === undefined) return truth(flag, token.value);
  if (token.value === undefined) return { problem: `flag needs an argument: ${token.rawName ?? ''}` };
  if (flag.choices && !flag.choices.includes(token.value))
    return {
      problem: `invalid argument "${token.value}" for "--${flag.name}" flag: must be one of ${flag.choices.join(', ')}`,
    };
  return { value: token.value };
}

function truth({ name }: Flag, value: string | undefined): Result<string> {
  if (value === undefined || value === 'true') return { value: 'true' };
  if (value === 'false') return { value: 'false' };
  return { problem: `invalid argument "${value}" for "--${name}" flag: must be true or false` };
}

const unknown = ({ rawName = '', name = '' }: Token): string =>
  rawName.startsWith('--') ? `unknown flag: ${rawName}` : `unknown shorthand flag: '${name}' in ${rawName}`;

function flagsOver(values: ReadonlyMap<string, readonly string[]>): Flags {
  const last = (name: string): string | undefined => values.get(name)?.at(-1);
  return {
    text: last,
    is: (name) => last(name) === 'true',
    list: (name) => values.get(name) ?? [],
  };
}
