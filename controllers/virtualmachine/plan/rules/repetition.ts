/**
 * A step that PVE reported done and that is wished again did not last: PVE only took note of it (a guest that HA
 * manages), or something undoes it (a guest that powers itself off). It is repeated ever more slowly. Pure.
 */
import type { Plan, Step } from '../../model/plan.ts';
import type { LastStep } from '../../model/process-state.ts';
import { holdOffMs } from '../../../shared/tasks/backoff.ts';
import { wait } from '../../../shared/plan/rule.ts';

/** Older than this, a step is no repetition. */
const FORGOTTEN_MS = 10 * 60_000;

/** Equal for steps that ask the same of PVE on behalf of the same spec. */
export function signatureOf(step: Step, generation: number): string {
  switch (step.do) {
    case 'configure':
      return JSON.stringify([generation, step.do, step.change.set, step.change.delete]);
    case 'growDisk':
      return JSON.stringify([generation, step.do, step.disk, step.to]);
    case 'migrate':
      return JSON.stringify([generation, step.do, step.move.to]);
    case 'moveDisk':
      return JSON.stringify([generation, step.do, step.disk, step.storage]);
    case 'attachDisk':
    case 'detachDisk':
    case 'destroyDisk':
      return JSON.stringify([generation, step.do, step.name]);
    case 'start':
    case 'stop':
    case 'shutdown':
    case 'destroy':
    case 'reserve':
    case 'adopt':
    case 'releaseClaim':
    case 'recordPlacement':
    case 'clone':
    case 'recordSeed':
    case 'clearApplied':
    case 'recordRestart':
    case 'recordTags':
    case 'recordDisks':
    case 'recordHook':
    case 'runHook':
    case 'uploadSeed':
    case 'deleteSeed':
      return JSON.stringify([generation, step.do]);
    default:
      return step satisfies never;
  }
}

/** @param patienceMs how long PVE may take to bring the step about after it reported it done */
export const taken = (last: LastStep | undefined, signature: string, now: number, graceMs = 0): LastStep => ({
  signature,
  graceMs,
  times: last?.signature === signature && now - last.at < FORGOTTEN_MS ? last.times + 1 : 1,
  at: now,
});

/** Steps that look before they act: the first repetition is what sees that the step had its effect. */
const SEES_FOR_ITSELF: readonly Step['do'][] = ['deleteSeed'];

/** What these do is done by the status write that follows. Where it is refused, nothing was done, and nothing undid it. */
const ONLY_WRITTEN_DOWN: readonly Step['do'][] = [
  'reserve',
  'releaseClaim',
  'recordPlacement',
  'recordSeed',
  'clearApplied',
];

/** What to do instead of repeating a step too soon. */
export function tooSoon(
  last: LastStep | undefined,
  { step, generation }: { readonly step: Step; readonly generation: number },
  now: number,
): Plan | undefined {
  if (ONLY_WRITTEN_DOWN.includes(step.do)) return undefined;
  if (last?.signature !== signatureOf(step, generation) || now - last.at >= FORGOTTEN_MS) return undefined;
  const repeated = SEES_FOR_ITSELF.includes(step.do) ? last.times - 1 : last.times;
  if (repeated === 0) return undefined;
  const left = last.at + Math.max(holdOffMs({ attempts: repeated }), last.graceMs) - now;
  return left > 0
    ? wait(
        'NotInEffect',
        'Proxmox VE reported the last step done, but it is not in effect: it may take a moment (a VM that HA manages), or something undoes it. It is tried again shortly.',
        left,
      )
    : undefined;
}
