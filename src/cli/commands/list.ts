/** `kubectl vm list`. */
import { VirtualMachine } from '../../api/virtualmachine.ts';
import { KubeError } from '../../kube/errors.ts';
import { ifReadable, type Cluster, type Where } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import type { Stored } from '../cluster/objects.ts';
import { mergeTables, rowsOf, type Table } from '../cluster/table.ts';
import { ALL_NAMESPACES, formatOf, OUTPUT, SELECTOR } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError, faultText } from '../failure.ts';
import { printList, printObject } from '../output/objects.ts';
import { columns } from '../output/text.ts';

const KIND = kindOf('VirtualMachine');

export const list: Command = {
  name: 'list',
  usage: '[NAME...] [flags]',
  summary: 'List VMs with their phase, power state, node, VMID and address',
  about: [
    `The columns are those of \`kubectl get vm\`. With \`-o wide\` there are more: ${VirtualMachine.columns
      .filter(({ priority }) => priority === 1)
      .map(({ name }) => name)
      .join(', ')}.`,
  ],
  examples: [
    { text: 'The VMs of the namespace', command: 'kubectl vm list' },
    { text: 'Those of all namespaces, with messages', command: 'kubectl vm list -A -o wide' },
    { text: 'Those on one node', command: 'kubectl vm list -A --field-selector status.node=pve-1' },
  ],
  flags: [
    ALL_NAMESPACES,
    SELECTOR,
    {
      name: 'field-selector',
      value: 'FIELDS',
      meaning: `only VMs with these fields: ${(VirtualMachine.selectableFields ?? []).map((path) => path.slice(1)).join(', ')}, metadata.name`,
    },
    { name: 'no-headers', meaning: 'print no headings' },
    OUTPUT,
  ],
  args: { min: 0, max: Infinity },
  completes: ['VirtualMachine'],
  async run(call) {
    const cluster = await call.cluster();
    const { flags, args } = call;
    if (args.length > 0 && (flags.is('all-namespaces') || flags.text('selector') !== undefined))
      throw new CliError('a VM cannot be named together with --all-namespaces or --selector');
    const where = {
      namespace: flags.is('all-namespaces') ? undefined : cluster.namespace,
      labelSelector: flags.text('selector'),
      fieldSelector: flags.text('field-selector'),
    };
    if (args.length > 0) return named(call, cluster, where);
    const text = await printed(call, cluster, where);
    if (text === undefined)
      call.terminal.err(
        where.namespace === undefined
          ? 'No resources found\n'
          : `No resources found in ${where.namespace} namespace.\n`,
      );
    else call.terminal.out(text);
    return 0;
  },
};

async function printed(call: Call, cluster: Cluster, where: Where): Promise<string | undefined> {
  const format = formatOf(call);
  return format === undefined
    ? tableText(call, await cluster.table(KIND, where))
    : printList(format, KIND, await cluster.list(KIND, where));
}

/** Those that there are are printed first, as by `kubectl get`. */
async function named(call: Call, cluster: Cluster, where: Where): Promise<number> {
  const { args, terminal } = call;
  const format = formatOf(call);
  const at = (name: string) => ({ namespace: cluster.namespace, name });
  const errors =
    format === undefined
      ? await foundOf(
          args.map((name) => cluster.table(KIND, { ...where, name })),
          (tables) => terminal.out(tableText(call, mergeTables(tables)) ?? ''),
        )
      : await foundOf(
          args.map((name) => cluster.get(KIND, at(name))),
          (objects) => terminal.out(printedAll(format, objects, args.length)),
        );
  for (const error of errors) terminal.err(`${faultText(error)}\n`);
  return errors.length === 0 ? 0 : 1;
}

/** @returns why the others were not found; one for all if the API server did not answer */
async function foundOf<T>(
  answers: readonly Promise<T>[],
  print: (found: readonly T[]) => void,
): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(answers);
  const found = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const errors = settled.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  if (found.length > 0) print(found);
  return errors.some((error) => !(error instanceof KubeError) || error.status === 0)
    ? errors.slice(0, 1)
    : errors;
}

function printedAll(format: 'json' | 'yaml' | 'name', objects: readonly Stored[], asked: number): string {
  const [first] = objects;
  return first && asked === 1 ? printObject(format, KIND, first) : printList(format, KIND, objects);
}

function tableText({ flags }: Call, table: Table): string | undefined {
  const [headings, ...rows] = rowsOf(table, {
    wide: flags.text('output') === 'wide',
    namespaces: flags.is('all-namespaces'),
  });
  if (rows.length === 0 || !headings) return undefined;
  return columns(flags.is('no-headers') ? rows : [headings, ...rows]);
}

/** The names of the namespace, for the completion. */
export const namesOf = async (cluster: Cluster, kind: Parameters<typeof kindOf>[0]): Promise<string[]> =>
  ((await ifReadable(cluster.list(kindOf(kind), { namespace: cluster.namespace }))) ?? []).map(
    ({ metadata }) => metadata.name,
  );
