/** `kubectl vm revert`. */
import { z } from 'zod';
import type { Cluster } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { conditionOf, part, textAt, valueAt, type Stored } from '../cluster/objects.ts';
import { printChanged, warn } from '../changed.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { undoneBy } from '../gitops.ts';
import { namedByFlag } from '../names.ts';
import { waitFor, type Progress } from '../waiting.ts';

const KIND = kindOf('VMSnapshot');

export const revert: Command = {
  name: 'revert',
  usage: 'SNAPSHOT [flags]',
  summary: 'Revert a VM to one of its snapshots',
  about: [
    'It sets `spec.revert.requestedAt` of the VMSnapshot to the present time. What the disks of the VM have that was written since the snapshot is lost.',
    'The VM keeps the restored state until its spec is edited. `kubectl vm why` says how to apply the spec as it is.',
  ],
  examples: [
    {
      text: 'Revert the VM of a snapshot, and wait for it',
      command: 'kubectl vm revert before-upgrade --wait',
    },
    {
      text: 'Only if it is a snapshot of this VM',
      command: 'kubectl vm revert before-upgrade --vm=web-server',
    },
  ],
  flags: [
    { name: 'vm', value: 'NAME', meaning: 'revert only if the snapshot is one of this VirtualMachine' },
    ...WAIT_FLAGS,
    CHANGE_OUTPUT,
  ],
  args: { min: 1, max: 1 },
  completes: ['VMSnapshot'],
  async run(call) {
    const [name = ''] = call.args;
    const cluster = await call.cluster();
    const at = { namespace: cluster.namespace, name };
    const before = await cluster.get(KIND, at);
    const vm = textAt(before, 'spec.vmRef.name') ?? '';
    const meant = namedByFlag(call, 'vm', 'VirtualMachine');
    if (meant !== undefined && meant !== vm)
      throw new CliError(`vmsnapshots "${name}" is a snapshot of the VM ${vm}, not of ${meant}`);
    const requestedAt = call.terminal.clock.now().toISOString();
    const changed = await cluster.patch(KIND, at, { spec: { revert: { requestedAt } } });
    const warning = undoneBy(before, ['spec', 'revert', 'requestedAt']);
    if (warning !== undefined) warn(call, warning);
    if (call.flags.is('wait')) await untilReverted(call, cluster, name, requestedAt);
    printChanged(call, KIND, changed, call.flags.is('wait') ? `reverted ${vm}` : `revert of ${vm} requested`);
    return 0;
  },
};

const LastRevert = z.object({
  requestedAt: z.string(),
  result: z.string(),
  message: z.string().optional(),
});

const untilReverted = (call: Call, cluster: Cluster, name: string, requestedAt: string): Promise<Stored> =>
  waitFor(call, `vmsnapshots/${name}`, async () => {
    const object = await cluster.get(KIND, { namespace: cluster.namespace, name });
    return howReverted(object, requestedAt);
  });

/** Other faults of the snapshot do not matter: the revert waits for them, or ends. */
export function howReverted(object: Stored, requestedAt: string): Progress {
  const last = part(LastRevert, valueAt(object, 'status.lastRevert'));
  if (last?.requestedAt !== requestedAt)
    return { state: 'waiting', for: conditionOf(object, 'Ready')?.message ?? 'The revert is to come.' };
  if (last.result === 'Reverted') return { state: 'done', object };
  return { state: 'failed', why: `${last.result}: ${last.message ?? 'no reason is known'}` };
}
