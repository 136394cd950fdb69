/** A guest that a VMSnapshot reverts is left alone, from before the request is sent until its end is recorded. */
import { markFor, smbiosUuidOf } from '../../../shared/guests/identity.ts';
import { describeGuest, withoutMark } from '../../../shared/guests/owner-mark.ts';
import { wait, type Wait } from '../../../shared/plan/rule.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import { revertRunning } from '../../revert/words.ts';
import { blockedByOthers } from './locked.ts';
import { act, type Rule } from './rule.ts';

const LOOK_AGAIN_MS = 2_000;

/** Comes before ownership: while it is reverted, a guest may look like anybody's. */
export const duringRevert: Rule = (want, have) => {
  const next = have.revert?.next;
  if (next?.kind !== 'record') return waitsForRevert(have);
  const { revert, ended, leaves } = next;
  const marking = ended ? markBack(want, have) : undefined;
  return marking ?? act({ do: 'recordRevert', revert, ...(leaves && { leaves }) });
};

export const waitsForRevert = ({ revert }: Observed): Wait | undefined =>
  revert?.next?.kind === 'running'
    ? wait('RevertInProgress', revertRunning(revert.next.snapshot), LOOK_AGAIN_MS)
    : undefined;

/**
 * The description may be the old one again. Once the end of the revert is recorded, a mark that is missing was removed by
 * somebody, who gets the guest.
 */
function markBack({ owner }: Desired, { presence, claim }: Observed): RuleResult | undefined {
  if (presence.kind !== 'seen' || claim?.made !== true || claim.vmid !== presence.guest.vmid)
    return undefined;
  const { mark, config, digest } = presence.guest;
  const uuid = smbiosUuidOf(config);
  if (mark !== undefined || uuid === undefined || (uuid !== owner.uid && uuid !== claim.uuid))
    return undefined;
  const description = describeGuest(markFor(owner, uuid), withoutMark(config['description'] ?? ''));
  return act({ do: 'restoreMark', description, digest });
}

/** Comes after ownership. The VMSnapshot sends its request only once this is recorded. */
export const acknowledge: Rule = (want, have) => {
  const next = have.revert?.next;
  if (!want.exists || next?.kind !== 'asked' || have.presence.kind !== 'seen') return undefined;
  if (have.unconfigured || isRestarting(have)) return undefined;
  return hookRuns(want, have) ?? blockedByOthers(have) ?? act({ do: 'recordRevert', revert: next.revert });
};

/** Until it is off. A guest that does not come up again may be reverted for that very reason. */
const isRestarting = ({ restart, failure }: Observed): boolean =>
  restart?.note?.stopped === false && failure === undefined;

const hookRuns = ({ graceSeconds }: Desired, { hook, now }: Observed): RuleResult | undefined =>
  hook?.state === 'Running' && now - hook.since < graceSeconds * 1000
    ? wait('HookRunning', `The hook ${hook.name} is running in the guest.`, LOOK_AGAIN_MS)
    : undefined;
