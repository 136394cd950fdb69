/** The observation of a pass → the phase. Pure. */
import { infoOf } from '../steps/step-info.ts';
import type { Facts } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { isUp } from '../../shared/guests/states.ts';
import type { VirtualMachineStatus } from '../../../src/api/index.ts';

type Phase = NonNullable<VirtualMachineStatus['phase']>;

export function phaseOf({ want, plan, have }: Facts, own: Guest | undefined, last: Phase | undefined): Phase {
  if (!want.exists) return 'Deleting';
  if (!own) return phaseWithoutGuest(plan, have, last);
  const hasDesiredPower = want.power === 'On' ? isUp(own) : !own.running;
  if (plan.kind === 'refuse' && !hasDesiredPower) return 'Failed';
  if (!own.running)
    return plan.kind === 'withheld' || (hasDesiredPower && plan.kind === 'steady')
      ? 'Stopped'
      : 'Provisioning';
  return isReconfiguring(plan) ? 'Reconfiguring' : 'Running';
}

function phaseWithoutGuest(plan: Plan, { claim, presence }: Observed, last: Phase | undefined): Phase {
  if (claim?.made && presence.kind === 'unknown') return last ?? 'Provisioning';
  if (claim?.made || plan.kind === 'refuse') return 'Failed';
  return claim ? 'Provisioning' : 'Pending';
}

const isReconfiguring = (plan: Plan): boolean =>
  plan.kind === 'act' && infoOf(plan.step).reconfigures === true;
