/** What can follow the words of a command line. Pure. */
import type { KindName } from '../cluster/kinds.ts';
import { GLOBAL_FLAGS } from '../common-flags.ts';
import type { Command } from '../command.ts';
import type { Flag } from '../flags.ts';
import { kindAt } from '../names.ts';

export interface Candidate {
  readonly word: string;
  readonly text?: string;
}

export type Candidates =
  | { readonly words: readonly Candidate[] }
  /** The names of objects, without those that are there already. */
  | { readonly names: KindName; readonly given: readonly string[] }
  | { readonly files: true };

/** @param words after `kubectl vm`; the last one is the one to complete, and may be empty */
export function candidatesFor(commands: readonly Command[], words: readonly string[]): Candidates {
  const [name = '', ...rest] = words;
  const last = rest.at(-1);
  if (last === undefined) return { words: commandNames(commands, name) };
  const command = commands.find((each) => each.name === name);
  if (!command) return { words: [] };
  const flags = [...command.flags, ...GLOBAL_FLAGS];
  const valued = flagWithValue(flags, rest);
  if (valued) return valuesOf(valued.flag, valued.value);
  if (last.startsWith('-')) return { words: flagNames(flags, last) };
  return argument(command, positionals(flags, rest.slice(0, -1)), last);
}

const starting = (all: readonly Candidate[], prefix: string): readonly Candidate[] =>
  all.filter(({ word }) => word.startsWith(prefix));

const commandNames = (commands: readonly Command[], prefix: string): readonly Candidate[] =>
  starting(
    commands.map(({ name, summary }) => ({ word: name, text: summary })),
    prefix,
  );

const flagNames = (flags: readonly Flag[], prefix: string): readonly Candidate[] =>
  starting(
    flags.map(({ name, meaning }) => ({ word: `--${name}`, text: meaning })),
    prefix,
  );

interface Valued {
  readonly flag: Flag;
  readonly value: string;
}

/** The flag whose value is being typed: `-o j`, `--output j` or `--output=j`. */
function flagWithValue(flags: readonly Flag[], words: readonly string[]): Valued | undefined {
  const last = words.at(-1) ?? '';
  const [, inline, value = ''] = /^--([^=]+)=(.*)$/.exec(last) ?? [];
  const flag =
    inline === undefined ? takesNext(flags, words.at(-2) ?? '') : flags.find(({ name }) => name === inline);
  return flag && { flag, value: inline === undefined ? last : value };
}

/** The flag that takes the next word as its value. */
const takesNext = (flags: readonly Flag[], word: string): Flag | undefined =>
  flags.find(
    ({ name, short, value }) =>
      value !== undefined && (word === `--${name}` || (short !== undefined && word === `-${short}`)),
  );

const NAMED: Readonly<Record<string, KindName>> = {
  vm: 'VirtualMachine',
  provider: 'Provider',
  class: 'VMClass',
  snapshot: 'VMSnapshot',
};
const FILES = ['kubeconfig', 'identity-file'];

function valuesOf({ name, choices }: Flag, value: string): Candidates {
  if (choices) return { words: starting(wordsOf(choices), value) };
  const names = NAMED[name];
  if (names !== undefined) return { names, given: [] };
  return FILES.includes(name) ? { files: true } : { words: [] };
}

const wordsOf = (words: readonly string[]): readonly Candidate[] => words.map((word) => ({ word }));

const positionals = (flags: readonly Flag[], words: readonly string[]): readonly string[] =>
  words.filter((word, at) => !word.startsWith('-') && !takesNext(flags, words[at - 1] ?? ''));

function argument(command: Command, given: readonly string[], prefix: string): Candidates {
  const { args, choices } = command;
  if (given.length >= args.max) return { words: [] };
  if (choices && given.length === 0) return { words: starting(wordsOf(choices), prefix) };
  const names = kindAt(command, given.length);
  return names ? { names, given } : { words: [] };
}
