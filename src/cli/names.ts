/** Names on the command line: `web`, or `vm/web` with any name of the kind that kubectl knows.. */
import { GROUP, VERSION } from '../api/group.ts';
import { KINDS } from '../api/index.ts';
import { KIND_NAMES, type KindName } from './cluster/kinds.ts';
import type { Call, Command } from './command.ts';
import { CliError } from './failure.ts';

export interface Named {
  readonly kind: KindName;
  readonly name: string;
}

/** The arguments of a command with the names of objects checked and without their kind. */
export const namesIn = (command: Command, args: readonly string[]): readonly string[] =>
  args.map((word, at) => {
    const kind = command.readsKinds === true ? undefined : kindAt(command, at);
    return kind === undefined ? word : nameOfKind(word, kind);
  });

/** The kind that an argument names; `undefined`: it names no object that exists. */
export const kindAt = ({ args, completes = [] }: Command, at: number): KindName | undefined =>
  completes[at] ?? (args.max === Infinity ? completes.at(-1) : undefined);

/** @throws {CliError} if it is no name, or names an object of another kind */
export function nameOfKind(word: string, kind: KindName): string {
  const named = objectNamed(word, kind);
  if (named.kind !== kind) throw new CliError(`${word} is a ${named.kind}, and a ${kind} is expected`);
  return named.name;
}

/** The object that a flag names; `undefined`: the flag is absent. */
export function namedByFlag(
  { flags }: Pick<Call, 'flags'>,
  flag: string,
  kind: KindName,
): string | undefined {
  const word = flags.text(flag);
  return word === undefined ? undefined : nameOfKind(word, kind);
}

/** @param kind of a name without one */
export function objectNamed(word: string, kind: KindName): Named {
  const [first = '', second, ...others] = word.split('/');
  if (second === undefined) return { kind, name: checkedName(first) };
  if (others.length > 0)
    throw new CliError(`arguments in resource/name form may not have more than one slash: "${word}"`);
  const known = kindCalled(first);
  if (!known) throw new CliError(`the server doesn't have a resource type "${first}" of ours`);
  return { kind: known, name: checkedName(second) };
}

/** As kubectl does: plural, singular or short name, each also with the group, or the version and the group. */
function kindCalled(word: string): KindName | undefined {
  const name = word
    .toLowerCase()
    .replace(new RegExp(`(\\.${VERSION})?\\.${GROUP.replaceAll('.', '\\.')}$`), '');
  const kind = KINDS.find(({ singular, plural, shortNames }) =>
    [singular, plural, ...shortNames].includes(name),
  )?.kind;
  return KIND_NAMES.find((each) => each === kind);
}

const LONGEST = 253;
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);

/** Anything else could be a path below another object, or all objects. */
function checkedName(name: string): string {
  if (name === '') throw new CliError('a name is empty: is a variable of the shell not set?');
  if (name.length > LONGEST || !SUBDOMAIN.test(name))
    throw new CliError(
      `invalid name ${JSON.stringify(name)}: a name consists of lower case letters, digits, '-' or '.', and begins and ends with a letter or digit`,
    );
  return name;
}

/** @throws {CliError} if it is no name of a namespace */
export function checkedNamespace(name: string): string {
  if (!new RegExp(`^${LABEL}$`).test(name) || name.length > 63)
    throw new CliError(
      `invalid namespace ${JSON.stringify(name)}: it consists of lower case letters, digits or '-', and begins and ends with a letter or digit`,
    );
  return name;
}
