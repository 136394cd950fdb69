/** The VMs that a command is for: those that it names, or those with the labels. */
import { kindOf } from './cluster/kinds.ts';
import { SELECTOR } from './common-flags.ts';
import type { Call } from './command.ts';
import { CliError } from './failure.ts';
import type { Flag } from './flags.ts';

export const SELECTED = {
  usage: '(NAME... | -l LABELS | --all) [flags]',
  args: { min: 0, max: Infinity },
  completes: ['VirtualMachine'],
} as const;

const ALL: Flag = { name: 'all', meaning: 'all VMs of the namespace' };
export const SELECT_FLAGS: readonly Flag[] = [SELECTOR, ALL];

/** @throws {CliError} unless there are either names or labels, or all are asked for in so many words */
export async function selectedVms(call: Call): Promise<readonly string[]> {
  const { args, flags, cluster, terminal } = call;
  const labelSelector = selectorOf(call);
  if (labelSelector === undefined && !flags.is(ALL.name)) {
    if (args.length === 0) throw new CliError('name a VM, or select some with --selector or all with --all');
    return args;
  }
  const open = await cluster();
  const { namespace } = open;
  const found = await open.list(kindOf('VirtualMachine'), { namespace, labelSelector });
  if (found.length === 0) terminal.err(`No resources found in ${namespace} namespace.\n`);
  return found.map(({ metadata }) => metadata.name);
}

/** The API server takes an empty selector for all objects, and a shell makes one of a variable that is not set. */
function selectorOf({ args, flags }: Call): string | undefined {
  const selector = flags.text(SELECTOR.name);
  if (selector?.trim() === '')
    throw new CliError(
      'the selector is empty and would select all VMs of the namespace: give labels, or --all',
    );
  if (selector !== undefined && flags.is(ALL.name))
    throw new CliError('setting --all and --selector is not allowed');
  if (args.length > 0 && (selector !== undefined || flags.is(ALL.name)))
    throw new CliError('name cannot be provided when a selector or --all is specified');
  return selector;
}
