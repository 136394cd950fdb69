/** `kubectl vm migrate`. */
import { z } from 'zod';
import { ifReadable, type At, type Cluster } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { part, textAt } from '../cluster/objects.ts';
import { referencesOf, shortName } from '../cluster/references.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { changeVms, VM_KIND } from '../vm-change.ts';

export const migrate: Command = {
  name: 'migrate',
  usage: 'NAME NODE [flags]',
  summary: 'Move a VM to another node',
  about: [
    'It sets `spec.placement.host`: live if the VM runs, offline if it is off. The VM is never stopped for it. A node that the status of the Provider does not list is refused.',
  ],
  examples: [
    { text: 'Move a VM and wait until it is there', command: 'kubectl vm migrate web pve-2 --wait' },
  ],
  flags: [...WAIT_FLAGS, CHANGE_OUTPUT],
  args: { min: 2, max: 2 },
  completes: ['VirtualMachine'],
  async run(call) {
    const [name = '', node = ''] = call.args;
    const cluster = await call.cluster();
    const problem = await unknownNode(cluster, { namespace: cluster.namespace, name }, node);
    if (problem !== undefined) throw new CliError(problem);
    return changeVms(call, [name], () => ({
      patch: { spec: { placement: { host: node } } },
      path: ['spec', 'placement', 'host'],
      said: { requested: `migration to ${node} requested`, done: `moved to ${node}` },
      settles: true,
      hasHappened: (vm) => textAt(vm, 'status.node') === node,
    }));
  },
};

const Nodes = z.object({ nodes: z.array(z.object({ name: z.string() })), nodeCount: z.number() });

/** Only where the Provider lists all nodes, and may be read. */
async function unknownNode(cluster: Cluster, at: At, node: string): Promise<string | undefined> {
  const vm = await cluster.get(VM_KIND, at);
  const provider = referencesOf(vm).find(({ kind }) => kind === 'Provider');
  const object = provider && (await ifReadable(cluster.get(kindOf('Provider'), provider)));
  const known = part(Nodes, object?.status);
  const names = known?.nodes.map(({ name }) => name) ?? [];
  if (!provider || known === undefined || names.length < known.nodeCount || names.includes(node))
    return undefined;
  return `the Proxmox VE cluster of ${shortName(provider)} has no node "${node}": its nodes are ${names.join(', ')}`;
}
