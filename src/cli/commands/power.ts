/** `kubectl vm start` and `kubectl vm stop`. */
import type { Stored } from '../cluster/objects.ts';
import { textAt, valueAt } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, WAIT_FLAGS } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { SELECTED, SELECT_FLAGS, selectedVms } from '../selected.ts';
import { changeVms, type Change, type Said } from '../vm-change.ts';

type Power = 'On' | 'Off' | 'OffGraceful';

export const start: Command = {
  ...SELECTED,
  name: 'start',
  summary: 'Start VMs and keep them running',
  about: ['It sets `spec.powerState` to On.'],
  examples: [{ text: 'Start a VM and wait until it is ready', command: 'kubectl vm start web --wait' }],
  flags: [...SELECT_FLAGS, ...WAIT_FLAGS, CHANGE_OUTPUT],
  run: (call) => setPower(call, 'On', { requested: 'start requested', done: 'started' }),
};

export const stop: Command = {
  ...SELECTED,
  name: 'stop',
  summary: 'Shut VMs down and keep them off',
  about: [
    'It sets `spec.powerState` to OffGraceful: the guest is asked to shut down, and stopped after `lifecycle.gracefulShutdownTimeout`. With `--force` it is stopped at once, as by a power failure.',
  ],
  examples: [
    { text: 'Shut down two VMs', command: 'kubectl vm stop web db' },
    { text: 'All VMs with a label', command: 'kubectl vm stop -l app=web' },
    { text: 'Switch a VM off at once', command: 'kubectl vm stop web --force' },
  ],
  flags: [
    { name: 'force', meaning: 'stop the VM at once instead of asking the guest to shut down' },
    ...SELECT_FLAGS,
    ...WAIT_FLAGS,
    CHANGE_OUTPUT,
  ],
  run: (call) =>
    setPower(call, call.flags.is('force') ? 'Off' : 'OffGraceful', {
      requested: 'stop requested',
      done: 'stopped',
    }),
};

const setPower = async (call: Call, power: Power, said: Said): Promise<number> =>
  changeVms(call, await selectedVms(call), (vm) => powerChange(vm, power, said));

/** A bare `On` in YAML may have been stored as true. */
const desired = (vm: Stored): unknown => {
  const power = valueAt(vm, 'spec.powerState') ?? 'On';
  return typeof power === 'boolean' ? (power ? 'On' : 'Off') : power;
};

const powerChange = (vm: Stored, power: Power, said: Said): Change => ({
  patch: desired(vm) === power ? {} : { spec: { powerState: power } },
  path: ['spec', 'powerState'],
  said,
  settles: true,
  hasHappened: (seen) => textAt(seen, 'status.powerState') === (power === 'On' ? 'On' : 'Off'),
});
