/** `kubectl vm restart`. */
import { RESTARTED_AT } from '../../api/annotations.ts';
import { textAt, valueAt } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { SELECTED, SELECT_FLAGS, selectedVms } from '../selected.ts';
import { changeVms } from '../vm-change.ts';

export const restart: Command = {
  ...SELECTED,
  name: 'restart',
  summary: 'Restart VMs once, with their pending changes',
  about: [
    `It sets the annotation \`${RESTARTED_AT}\` to the present time. The VM is shut down and started, regardless of its \`rebootPolicy\`; a VM that is off stays off.`,
  ],
  examples: [{ text: 'Restart a VM and wait for it', command: 'kubectl vm restart web --wait' }],
  flags: [...SELECT_FLAGS, ...WAIT_FLAGS, CHANGE_OUTPUT],
  async run(call) {
    const at = call.terminal.clock.now().toISOString();
    return changeVms(call, await selectedVms(call), () => ({
      patch: { metadata: { annotations: { [RESTARTED_AT]: at } } },
      path: ['metadata', 'annotations', RESTARTED_AT],
      said: { requested: 'restart requested', done: 'restarted' },
      hasHappened: (vm) =>
        textAt(vm, 'status.internal.restartedAt') === at &&
        valueAt(vm, 'status.internal.restart') === undefined,
    }));
  },
};
