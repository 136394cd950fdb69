/** Switching a guest off while its spec cannot be resolved: that needs nothing of what is missing. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { backoff } from '../../shared/tasks/backoff.ts';
import { taskInProgress } from '../../shared/tasks/in-progress.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import type { RuleResult } from '../model/plan.ts';
import { isOwn } from '../ownership/identity.ts';
import { TASKS } from '../steps/step-info.ts';
import { restraintOf } from './management.ts';
import { awaitHa } from './rules/ha.ts';
import { blockedByOthers } from './rules/locked.ts';
import { powerResult } from './rules/power.ts';
import { waitsForRevert } from './rules/revert.ts';

/** A preStop hook is a part of the spec that cannot be resolved, so such a VM waits. */
export const mayBeSwitchedOff = (vm: VirtualMachine): boolean =>
  (vm.spec.powerState === 'Off' || vm.spec.powerState === 'OffGraceful') &&
  vm.metadata.deletionTimestamp === undefined &&
  vm.status?.name !== undefined &&
  vm.spec.lifecycle?.preStop === undefined &&
  restraintOf(vm) === undefined;

/** `undefined`: there is nothing to switch off, or it is not proven to be ours. */
export function planSwitchOff(
  power: 'Off' | 'OffGraceful',
  { owner, graceSeconds }: Pick<Desired, 'owner' | 'graceSeconds'>,
  have: Observed,
): RuleResult | undefined {
  const { presence, claim } = have;
  const busy =
    taskInProgress(TASKS)(undefined, have) ?? waitsForRevert(have) ?? backoff(TASKS)(undefined, have);
  if (busy) return busy;
  if (presence.kind !== 'seen' || !isOwn(presence.guest, owner, claim)) return undefined;
  const result = powerResult({ power, graceSeconds }, have);
  return result?.kind === 'act'
    ? (blockedByOthers(have, result.step) ?? awaitHa(result.step, have) ?? result)
    : result;
}
