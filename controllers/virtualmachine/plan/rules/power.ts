/** On is enforced; Off stops at once; OffGraceful lets the guest shut down first. A guest that is not executing is left alone. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired, Power } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import { notRunningOf, type NotRunning } from '../../../shared/guests/states.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/**
 * A guest that is to be off is stopped before anything about it is changed: what Proxmox VE refuses to change may be why
 * it is to be off.
 */
export const stopFirst: Rule = (want, have) => {
  const result = powerResult(want, have);
  return want.exists && want.power !== 'On' && result?.kind === 'act' ? result : undefined;
};

/** Everything else about the power state. */
export const power: Rule = (want, have) =>
  stopFirst(want, have) === undefined ? powerResult(want, have) : undefined;

function powerResult(want: Desired, { presence }: Observed): RuleResult | undefined {
  if (!want.exists || presence.kind !== 'seen') return undefined;
  const { guest } = presence;
  const notRunning = notRunningOf(guest);
  if (notRunning) return whileNotRunning(notRunning, guest, want.power);
  if (want.power === 'On') return guest.running ? undefined : act({ do: 'start' });
  if (!guest.running) return undefined;
  return want.power === 'Off'
    ? act({ do: 'stop' })
    : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
}

// PVE stops a paused guest at once when it is asked to shut it down (API2/Qemu.pm, vm_shutdown), which is not what
// OffGraceful asks for.
function whileNotRunning(
  { reason, lasts, message }: NotRunning,
  { vmid }: Guest,
  desired: Power,
): RuleResult {
  if (desired === 'Off') return act({ do: 'stop' });
  if (lasts === 'passing') return wait(reason, message, 2_000);
  return refuse(
    reason,
    desired === 'On'
      ? message
      : `${message} It cannot shut down while it is not executing: set spec.powerState to Off to stop VM ${vmid} at once.`,
    15_000,
  );
}
