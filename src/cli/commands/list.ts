/** `kubectl vm list`. */
import { VirtualMachine } from '../../api/virtualmachine.ts';
import { ifReadable, type Cluster, type Where } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { mergeTables, rowsOf, type Table } from '../cluster/table.ts';
import { ALL_NAMESPACES, formatOf, OUTPUT, SELECTOR } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
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
  if (format === undefined) return tableText(call, await tableOf(cluster, where, call.args));
  if (call.args.length === 0) return printList(format, KIND, await cluster.list(KIND, where));
  const at = (name: string) => ({ namespace: cluster.namespace, name });
  const objects = await Promise.all(call.args.map((name) => cluster.get(KIND, at(name))));
  const [first, ...others] = objects;
  return first && others.length === 0 ? printObject(format, KIND, first) : printList(format, KIND, objects);
}

async function tableOf(cluster: Cluster, where: Where, names: readonly string[]): Promise<Table> {
  if (names.length === 0) return cluster.table(KIND, where);
  return mergeTables(await Promise.all(names.map((name) => cluster.table(KIND, { ...where, name }))));
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
