/** On is enforced; Off stops at once; OffGraceful lets the guest shut down first. A guest that stands still is left so. */
import type { Guest } from '../model/guest.ts';
import type { Plan } from '../model/plan.ts';
import type { Power } from '../model/wish.ts';
import { haltOf, type Halt } from '../observation/states.ts';
import type { Rule } from './verdicts.ts';
import { act, refuse, wait } from './verdicts.ts';

export const power: Rule = (want, { presence }) => {
  if (!want.exists || presence.kind !== 'seen') return undefined;
  const { guest } = presence;
  const halt = haltOf(guest);
  if (halt) return ofHalted(halt, guest, want.power);
  if (want.power === 'On') return guest.running ? undefined : act({ do: 'start' });
  if (!guest.running) return undefined;
  return want.power === 'Off'
    ? act({ do: 'stop' })
    : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
};

// PVE pulls the plug of a paused guest at once when it is asked to shut it down (API2/Qemu.pm, vm_shutdown): that is
// not what OffGraceful asks for.
function ofHalted({ reason, lasts, message }: Halt, { vmid }: Guest, wish: Power): Plan {
  if (wish === 'Off') return act({ do: 'stop' });
  if (lasts === 'passing') return wait(reason, message, 2_000);
  return refuse(
    reason,
    wish === 'On'
      ? message
      : `${message} While it stands still it cannot shut down: set spec.powerState to Off to stop VM ${vmid} at once.`,
    15_000,
  );
}
