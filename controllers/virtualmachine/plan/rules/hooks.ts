/** Hooks of spec.lifecycle: recorded before the start that makes them due, run before the stop that they precede. Pure. */
import { isUp } from '../../../shared/guests/states.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { Hook, Observed } from '../../model/observed.ts';
import type { RuleResult, Step } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';
import { pollGapMs } from '../../../shared/tasks/in-progress.ts';

const MAX_GAP_MS = 5_000;

/** What comes before a step. */
export function hookBefore(step: Step, want: Desired, have: Observed): RuleResult | undefined {
  if (have.presence.kind !== 'seen') return undefined;
  if (step.do === 'start') return beforeStart(want, have);
  return step.do === 'stop' || step.do === 'shutdown'
    ? beforeStop(want, have, have.presence.guest)
    : undefined;
}

/** Recorded first: after a start that was not recorded, the hook would silently never run. */
function beforeStart({ hooks }: Desired, { hook }: Observed): RuleResult | undefined {
  if (!hooks?.postStart || (hook?.name === 'postStart' && hook.state === 'Due')) return undefined;
  return act({ do: 'recordHook', hook: 'postStart' });
}

function beforeStop({ hooks, graceSeconds }: Desired, have: Observed, guest: Guest): RuleResult | undefined {
  const { hook, generation, now } = have;
  const command = hooks?.preStop;
  if (!command || !isUp(guest)) return undefined;
  const ran = hook?.name === 'preStop' && hook.generation === generation ? hook : undefined;
  if (!ran) return act({ do: 'runHook', hook: 'preStop', command, since: now });
  return ran.state === 'Running' && now - ran.since < graceSeconds * 1000 ? hookRunning(ran, now) : undefined;
}

const hookRunning = ({ name, since }: Hook, now: number): RuleResult =>
  wait(
    'HookRunning',
    `The hook ${name} is running in the guest.`,
    pollGapMs(Math.max(now - since, 0), { maxGapMs: MAX_GAP_MS }),
  );

/** Comes after power, so that the guest runs. */
export const postStart: Rule = (want, { presence, hook, now }) => {
  const command = want.hooks?.postStart;
  if (!want.exists || presence.kind !== 'seen' || want.power !== 'On') return undefined;
  if (!command || hook?.name !== 'postStart') return undefined;
  if (hook.state === 'Running') return hookRunning(hook, now);
  return hook.state === 'Due' && isUp(presence.guest)
    ? act({ do: 'runHook', hook: 'postStart', command, since: hook.since })
    : undefined;
};
