/** `kubectl vm clone`. */
import { API_VERSION } from '../../api/group.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { isReady, textAt } from '../cluster/objects.ts';
import { printChanged } from '../changed.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { namedByFlag } from '../names.ts';
import { notYet, waitFor } from '../waiting.ts';

const KIND = kindOf('VMClone');
const SNAPSHOT = kindOf('VMSnapshot');

export const clone: Command = {
  name: 'clone',
  usage: 'VM NAME [flags]',
  summary: 'Copy a VM, or one of its snapshots',
  about: [
    'It creates a VMClone, which creates the VirtualMachine NAME. Addresses and other things that identify the source are not copied.',
  ],
  examples: [
    { text: 'Copy a VM as it is, and wait for the copy', command: 'kubectl vm clone web web-2 --wait' },
    {
      text: 'A full copy of a snapshot, which stays off',
      command: 'kubectl vm clone web web-2 --snapshot=before-upgrade --full --power-state=Off',
    },
  ],
  flags: [
    { name: 'snapshot', value: 'NAME', meaning: 'copy this snapshot of the VM instead of its present state' },
    { name: 'full', meaning: 'make a full clone; absent: a linked one where Proxmox VE can make one' },
    { name: 'class', value: 'NAME', meaning: 'VMClass of the copy; absent: that of the source' },
    {
      name: 'power-state',
      value: 'On|Off',
      choices: ['On', 'Off'],
      meaning: 'whether the copy is started; absent: it is',
    },
    ...WAIT_FLAGS,
    CHANGE_OUTPUT,
  ],
  args: { min: 2, max: 2 },
  completes: ['VirtualMachine'],
  async run(call) {
    const [, name = ''] = call.args;
    const cluster = await call.cluster();
    await checkSnapshot(call, cluster);
    const created = await cluster.create(KIND, cluster.namespace, cloneOf(call, cluster.namespace));
    if (call.flags.is('wait'))
      await waitFor(call, `vmclones/${name}`, async () => {
        const object = await cluster.get(KIND, { namespace: cluster.namespace, name });
        return isReady(object) ? { state: 'done', object } : notYet(object);
      });
    printChanged(call, KIND, created, 'created');
    return 0;
  },
};

async function checkSnapshot(call: Call, cluster: Cluster): Promise<void> {
  const [vm = ''] = call.args;
  const name = namedByFlag(call, 'snapshot', 'VMSnapshot');
  if (name === undefined) return;
  const of = textAt(await cluster.get(SNAPSHOT, { namespace: cluster.namespace, name }), 'spec.vmRef.name');
  if (of !== vm)
    throw new CliError(`vmsnapshots "${name}" is a snapshot of the VM ${of ?? ''}, not of ${vm}`);
}

/** The VMClone that the call asks for. */
export function cloneOf(call: Call, namespace: string): object {
  const {
    args: [vm = '', name = ''],
    flags,
  } = call;
  const snapshot = namedByFlag(call, 'snapshot', 'VMSnapshot');
  const className = flags.text('class');
  const powerState = flags.text('power-state');
  const target = {
    ...(className !== undefined && { classRef: { name: className } }),
    ...(powerState !== undefined && { powerState }),
  };
  return {
    apiVersion: API_VERSION,
    kind: KIND.kind,
    metadata: { name, namespace },
    spec: {
      ...(snapshot === undefined ? { sourceVMRef: { name: vm } } : { sourceSnapshotRef: { name: snapshot } }),
      ...(flags.is('full') && { linkedClone: false }),
      ...(Object.keys(target).length > 0 && { target }),
    },
  };
}
