/** `kubectl vm completion`, and what its scripts call. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Call, Command } from '../command.ts';
import { candidatesFor, type Candidate, type Candidates } from '../completion/candidates.ts';
import { SCRIPTS } from '../completion/scripts.ts';
import { CliError } from '../failure.ts';
import { line } from '../output/text.ts';
import { namesOf } from './list.ts';

const SHELLS = [...SCRIPTS.keys()];

export const completion: Command = {
  name: 'completion',
  usage: `${SHELLS.join('|')} [flags]`,
  summary: 'Print the completion script for a shell',
  about: [
    'kubectl completes `kubectl vm …` in every shell for which its own completion is loaded, if the program `kubectl_complete-vm` is on the PATH: make it a link to kubectl-vm, or save the script for `kubectl`. The scripts for bash, zsh and fish complete the program under its own name, kubectl-vm.',
  ],
  examples: [
    {
      text: 'For kubectl, in all shells',
      command: 'ln -s kubectl-vm "$(dirname "$(command -v kubectl-vm)")/kubectl_complete-vm"',
    },
    { text: 'For kubectl-vm in bash', command: 'source <(kubectl vm completion bash)' },
    { text: 'In zsh', command: 'source <(kubectl vm completion zsh)' },
    { text: 'In fish', command: 'kubectl vm completion fish | source' },
  ],
  flags: [],
  args: { min: 1, max: 1 },
  choices: SHELLS,
  run({ args: [shell = ''], terminal }) {
    const script = SCRIPTS.get(shell);
    if (script === undefined)
      throw new CliError(`unsupported shell type "${shell}": must be one of ${SHELLS.join(', ')}`);
    terminal.out(script);
    return Promise.resolve(0);
  },
};

/** What Cobra, with which kubectl is made, tells the scripts of shells. */
const NO_FILES = ':4\n';
const FILES = ':0\n';

/**
 * Prints what can follow, in the form that kubectl reads. It never fails: a shell has no place for an error.
 * @param words after `kubectl vm`; the last one is the one to complete
 */
export async function complete(
  commands: readonly Command[],
  words: readonly string[],
  { terminal, cluster }: Pick<Call, 'terminal' | 'cluster'>,
): Promise<number> {
  const found = candidatesFor(commands, words);
  if ('files' in found) terminal.out(FILES);
  else terminal.out(`${printed(await wordsOf(found, words.at(-1) ?? '', cluster))}${NO_FILES}`);
  return 0;
}

async function wordsOf(
  found: Exclude<Candidates, { files: true }>,
  prefix: string,
  cluster: () => Promise<Cluster>,
): Promise<readonly Candidate[]> {
  if ('words' in found) return found.words;
  const typed = prefix.replace(/^--[^=]+=/, '');
  try {
    const names = await namesOf(await cluster(), found.names);
    return names
      .filter((name) => name.startsWith(typed) && !found.given.includes(name))
      .map((word) => ({ word }));
  } catch {
    return [];
  }
}

const printed = (words: readonly Candidate[]): string =>
  words.map(({ word, text }) => `${word}${text === undefined ? '' : `\t${line(text)}`}\n`).join('');
