/** `kubectl vm restart`. */
import { RESTARTED_AT } from '../../api/annotations.ts';
import { textAt, valueAt } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { changeVms } from '../vm-change.ts';

export const restart: Command = {
  name: 'restart',
  usage: 'NAME... [flags]',
  summary: 'Restart VMs once, with their pending changes',
  about: [
    `It sets the annotation \`${RESTARTED_AT}\` to the present time. The VM is shut down and started, regardless of its \`rebootPolicy\`; a VM that is off stays off.`,
  ],
  examples: [{ text: 'Restart a VM and wait for it', command: 'kubectl vm restart web --wait' }],
  flags: [...WAIT_FLAGS, CHANGE_OUTPUT],
  args: { min: 1, max: Infinity },
  completes: ['VirtualMachine'],
  run(call) {
    const at = call.terminal.clock.now().toISOString();
    return changeVms(call, call.args, () => ({
      patch: { metadata: { annotations: { [RESTARTED_AT]: at } } },
      path: ['metadata', 'annotations', RESTARTED_AT],
      done: 'restarted',
      hasHappened: (vm) =>
        textAt(vm, 'status.internal.restartedAt') === at &&
        valueAt(vm, 'status.internal.restart') === undefined,
    }));
  },
};
