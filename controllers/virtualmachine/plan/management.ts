/** VMs that are not fully managed: what is withheld, and how that is reported. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { settled, suspended, type Outcome } from '../../../src/runtime/outcome.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired, Restraint } from '../model/desired.ts';
import { isUp } from '../../shared/guests/states.ts';
import { infoOf } from '../steps/step-info.ts';

type Withheld = Extract<Plan, { kind: 'withheld' }>;

/** Why nothing is changed now; `undefined`: the VM is managed. */
export function restraintOf({ spec, status }: VirtualMachine): Restraint | undefined {
  if (spec.managementPolicy === 'ObserveOnly') return 'ObserveOnly';
  return spec.managementPolicy === 'CreateOnly' && status?.createdAt !== undefined ? 'CreateOnly' : undefined;
}

/** Ready is about what runs. Other differences are reported in Synced. */
export function withheldOutcome(plan: Withheld, want: Desired, { presence }: Observed): Outcome {
  const guest = presence.kind === 'seen' ? presence.guest : undefined;
  const hasDesiredPower = guest && want.exists && (want.power === 'On' ? isUp(guest) : !guest.running);
  return hasDesiredPower ? settled() : suspended('False', plan.by, withheldMessage(plan));
}

const BECAUSE: Readonly<Record<Restraint, string>> = {
  ObserveOnly: 'managementPolicy is ObserveOnly, so the operator changes nothing.',
  CreateOnly:
    'managementPolicy is CreateOnly and the VM has been created, so the operator no longer changes it.',
};

/** What would be done, without a value: a configuration may hold secrets. */
export const withheldMessage = ({ by, steps }: Withheld): string =>
  `${BECAUSE[by]} To match the spec, it would: ${steps.map((step) => infoOf(step).wouldDo(step)).join('; ')}.`;

/** Paused: a deletion waits, and the status stays as it was. */
export const pausedMessage = (deleting: boolean): string =>
  deleting
    ? 'The object is being deleted, but managementPolicy is Paused, so the operator does nothing in Proxmox VE. Set managementPolicy to Full to delete the VM as deletionPolicy says, or to ObserveOnly to delete only the object.'
    : 'managementPolicy is Paused, so the operator neither reads nor changes anything in Proxmox VE. The status may be out of date.';
