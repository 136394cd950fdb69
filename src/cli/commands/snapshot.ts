/** `kubectl vm snapshot` and `kubectl create vmsnapshot`. */
import { API_VERSION } from '../../api/group.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { isReady, Stored } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import { printChanged } from '../changed.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { namedByFlag } from '../names.ts';
import { notYet, waitFor } from '../waiting.ts';

const KIND = kindOf('VMSnapshot');

export const snapshot: Command = {
  name: 'snapshot',
  usage: 'NAME --vm=VM [flags]',
  summary: 'Take a snapshot of a VM',
  about: [
    'It creates a VMSnapshot. With `--wait` it waits until the snapshot is complete.',
    '`kubectl create vmsnapshot` is the same command.',
  ],
  examples: [
    {
      text: 'A snapshot with the memory of the VM',
      command:
        'kubectl create vmsnapshot before-upgrade --vm=web-server --description="Before major upgrade" --include-memory=true',
    },
    {
      text: 'The same under its other name, waiting for it',
      command: 'kubectl vm snapshot before-upgrade --vm=web-server --wait',
    },
  ],
  flags: [
    { name: 'vm', value: 'NAME', meaning: 'VirtualMachine to take the snapshot of (required)' },
    { name: 'description', value: 'TEXT', meaning: 'text that Proxmox VE shows next to the snapshot' },
    { name: 'include-memory', meaning: 'save the memory of the running VM, too' },
    {
      name: 'dry-run',
      value: 'client|server|none',
      choices: ['client', 'server', 'none'],
      meaning: 'client: only print the object; server: let the API server check it and store nothing',
    },
    ...WAIT_FLAGS,
    CHANGE_OUTPUT,
  ],
  args: { min: 1, max: 1 },
  async run(call) {
    const { flags, args } = call;
    const [name = ''] = args;
    const vm = namedByFlag(call, 'vm', 'VirtualMachine');
    if (vm === undefined) throw new CliError('required flag(s) "vm" not set');
    const cluster = await call.cluster();
    const body = snapshotOf(call, { name, vm, namespace: cluster.namespace });
    const created = await create(call, cluster, body);
    if (flags.is('wait') && !isTried(call)) await untilTaken(call, cluster, name);
    printChanged(call, KIND, created, isTried(call) ? `created (${dryRunOf(call)} dry run)` : 'created');
    return 0;
  },
};

const dryRunOf = ({ flags }: Call): string => flags.text('dry-run') ?? 'none';
const isTried = (call: Call): boolean => dryRunOf(call) !== 'none';

function snapshotOf(
  { flags }: Call,
  { name, vm, namespace }: { readonly name: string; readonly vm: string; readonly namespace: string },
): object {
  const description = flags.text('description');
  return {
    apiVersion: API_VERSION,
    kind: KIND.kind,
    metadata: { name, namespace },
    spec: {
      vmRef: { name: vm },
      ...(description !== undefined && { description }),
      ...(flags.text('include-memory') !== undefined && { includeMemory: flags.is('include-memory') }),
    },
  };
}

const create = (call: Call, cluster: Cluster, body: object): Promise<Stored> =>
  dryRunOf(call) === 'client'
    ? Promise.resolve(Stored.parse(body))
    : cluster.create(KIND, cluster.namespace, body, { dryRun: dryRunOf(call) === 'server' });

const untilTaken = (call: Call, cluster: Cluster, name: string): Promise<Stored> =>
  waitFor(call, `vmsnapshots/${name}`, async () => {
    const object = await cluster.get(KIND, { namespace: cluster.namespace, name });
    return isReady(object) ? { state: 'done', object } : notYet(object);
  });
