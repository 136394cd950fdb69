/** `kubectl vm migrate`. */
import { textAt } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { changeVms } from '../vm-change.ts';

export const migrate: Command = {
  name: 'migrate',
  usage: 'NAME NODE [flags]',
  summary: 'Move a VM to another node',
  about: [
    'It sets `spec.placement.host`: live if the VM runs, offline if it is off. The VM is never stopped for it.',
  ],
  examples: [
    { text: 'Move a VM and wait until it is there', command: 'kubectl vm migrate web pve-2 --wait' },
  ],
  flags: [...WAIT_FLAGS, CHANGE_OUTPUT],
  args: { min: 2, max: 2 },
  completes: ['VirtualMachine'],
  run(call) {
    const [name = '', node = ''] = call.args;
    return changeVms(call, [name], () => ({
      patch: { spec: { placement: { host: node } } },
      path: ['spec', 'placement', 'host'],
      done: `${call.flags.is('wait') ? 'moved' : 'is to move'} to ${node}`,
      hasHappened: (vm) => textAt(vm, 'status.node') === node,
    }));
  },
};
