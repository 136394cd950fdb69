/** On is enforced; Off stops at once; OffGraceful lets the guest shut down first. A guest that stands still is left so. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { Plan } from '../../model/plan.ts';
import type { Power } from '../../model/desired.ts';
import { notRunningOf, type NotRunning } from '../../../shared/guests/states.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

export const power: Rule = (want, { presence }) => {
  if (!want.exists || presence.kind !== 'seen') return undefined;
  const { guest } = presence;
  const halt = notRunningOf(guest);
  if (halt) return whileNotRunning(halt, guest, want.power);
  if (want.power === 'On') return guest.running ? undefined : act({ do: 'start' });
  if (!guest.running) return undefined;
  return want.power === 'Off'
    ? act({ do: 'stop' })
    : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
};

// PVE pulls the plug of a paused guest at once when it is asked to shut it down (API2/Qemu.pm, vm_shutdown): that is
// not what OffGraceful asks for.
function whileNotRunning({ reason, lasts, message }: NotRunning, { vmid }: Guest, desired: Power): Plan {
  if (desired === 'Off') return act({ do: 'stop' });
  if (lasts === 'passing') return wait(reason, message, 2_000);
  return refuse(
    reason,
    desired === 'On'
      ? message
      : `${message} While it stands still it cannot shut down: set spec.powerState to Off to stop VM ${vmid} at once.`,
    15_000,
  );
}
