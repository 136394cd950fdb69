/** The VMs that a command is for: those that it names, or those with the labels. */
import { kindOf } from './cluster/kinds.ts';
import { SELECTOR } from './common-flags.ts';
import type { Call } from './command.ts';
import { CliError } from './failure.ts';

export const SELECTED = {
  usage: '(NAME... | -l LABELS) [flags]',
  args: { min: 0, max: Infinity },
  completes: ['VirtualMachine'],
} as const;

/** @throws {CliError} unless there are either names or labels */
export async function selectedVms({ args, flags, cluster, terminal }: Call): Promise<readonly string[]> {
  const labelSelector = flags.text(SELECTOR.name);
  if (labelSelector === undefined) {
    if (args.length === 0) throw new CliError('name a VM, or select some with --selector');
    return args;
  }
  if (args.length > 0) throw new CliError('name cannot be provided when a selector is specified');
  const open = await cluster();
  const { namespace } = open;
  const found = await open.list(kindOf('VirtualMachine'), { namespace, labelSelector });
  if (found.length === 0) terminal.err(`No resources found in ${namespace} namespace.\n`);
  return found.map(({ metadata }) => metadata.name);
}
