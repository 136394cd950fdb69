/** On is enforced; Off stops at once; OffGraceful lets the guest shut down first. A guest that is not executing is left alone. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired, Power } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import { notRunningOf, type NotRunning } from '../../../shared/guests/states.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** `qm cleanup` begins within this time after a guest has ended. */
const CLEANUP_BEGINS_MS = 3_000;

/**
 * A guest that is to be off is stopped before anything about it is changed: what Proxmox VE refuses to change may be why
 * it is to be off.
 */
export const stopFirst: Rule = (want, have) => {
  const result = want.exists ? powerResult(want, have) : undefined;
  return switchesOff(want, result) ? result : undefined;
};

/** Everything else about the power state. */
export const power: Rule = (want, have) => {
  const result = want.exists ? powerResult(want, have) : undefined;
  return switchesOff(want, result) ? undefined : result;
};

const switchesOff = (want: Desired, result: RuleResult | undefined): boolean =>
  want.exists && want.power !== 'On' && result?.kind === 'act';

export function powerResult(
  want: { readonly power: Power; readonly graceSeconds: number },
  { presence, stoppedMs }: Pick<Observed, 'presence' | 'stoppedMs'>,
): RuleResult | undefined {
  if (presence.kind !== 'seen') return undefined;
  const { guest } = presence;
  const notRunning = notRunningOf(guest);
  if (notRunning) return whileNotRunning(notRunning, guest, want.power);
  if (want.power === 'On') return guest.running ? undefined : switchOn(guest, stoppedMs);
  if (!guest.running) return undefined;
  return want.power === 'Off'
    ? act({ do: 'stop' })
    : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
}

/**
 * After a guest has ended, `qm cleanup` takes its lock and waits until the guest is off. If that is started again
 * before, the lock is held for 30 s, and whatever the guest needs next fails (qemu-server, CLI/qm.pm, cleanup). The
 * request `status/reboot` would start it in the right order, but it does not end a guest that ignores the shutdown.
 */
function switchOn({ vmid, ha }: Guest, stoppedMs = Infinity): RuleResult {
  if (stoppedMs >= CLEANUP_BEGINS_MS || ha.managed) return act({ do: 'start' });
  return wait(
    'CleaningUp',
    `VM ${vmid} has just stopped. The operator starts it once Proxmox VE has cleaned up after it.`,
    CLEANUP_BEGINS_MS - stoppedMs,
  );
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
