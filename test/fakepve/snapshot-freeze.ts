/** Freezing the file systems of a guest for a snapshot (qemu-server, PVE/QemuServer/Agent.pm). */
import { agentEnabled, optionProperties } from './guest.ts';
import { agentAnswers } from './power.ts';
import type { Guest } from './guest.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

/** `freeze-fs` is an alias of the option, and `freeze-fs-on-backup` is its older name. */
function isSwitchedOff(guest: Guest): boolean {
  const agent = optionProperties('agent', guest.get('agent'));
  const option = agent['guest-fsfreeze'] ?? agent['freeze-fs'] ?? agent['freeze-fs-on-backup'];
  return option !== undefined && /^(?:0|off|no|false)$/i.test(option);
}

/** Why it is not tried; undefined: it is. */
function whySkipped(world: World, guest: Guest): string | undefined {
  if (!agentEnabled(guest.config) || isSwitchedOff(guest)) return 'disabled in VM options';
  if (!agentAnswers(world, guest)) return 'agent configured but not running?';
  return guest.running?.frozen === true ? 'already frozen' : undefined;
}

/** What the log of the task says of it: nothing where it worked, and failing does not make the task fail. */
export function logFreeze(world: World, guest: Guest, run: TaskRun): void {
  const skipped = whySkipped(world, guest);
  if (skipped !== undefined) run.log(`skipping guest filesystem freeze - ${skipped}`);
  else if (world.faults.freezeFails(guest.vmid))
    run.log('unable to freeze guest fs - failed to freeze /: Input/output error');
}
