/**
 * The VM is reverted once for each new time in the spec: announced to the VirtualMachine, recorded, sent, followed. What
 * was sent is never sent again. Pure.
 */
import { wait } from '../../../shared/plan/rule.ts';
import { endingOf } from '../../revert/ending.ts';
import { judgeRequest, withdrawn } from '../../revert/request.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Ending, OpenRevert } from '../../model/revert.ts';
import { blocked } from './blocked.ts';
import { doubtMs, maySend } from './doubt.ts';
import { ownOf } from '../../model/own.ts';
import { act, type Rule } from './rule.ts';

const LOOK_AGAIN_MS = 5_000;

const ended = ({ requestedAt }: Pick<OpenRevert, 'requestedAt'>, ending: Ending): RuleResult =>
  act({ do: 'endRevert', requestedAt, ending });

const notRun = (open: Pick<OpenRevert, 'requestedAt'>, message: string): RuleResult =>
  ended(open, { result: 'NotRun', message });

/** Comes before all that needs the guest: after a revert it may not be recognized until the VM has written its mark. */
export const revertEnded: Rule = (_want, { task, revert }) => {
  if (task?.type !== 'Revert') return undefined;
  const ending = endingOf(task);
  const open =
    revert.open ?? (revert.requestedAt === undefined ? undefined : { requestedAt: revert.requestedAt });
  return ending && open ? ended(open, ending) : undefined;
};

/** The answer to the request is not known. */
export const revertInDoubt: Rule = (_want, { revert, now }) => {
  const { open, request, found } = revert;
  if (open?.state !== 'Sent' || request?.state !== 'unknown') return undefined;
  if (found !== undefined) return act({ do: 'followRollback', upid: found });
  const left = doubtMs(request, now);
  return left > 0
    ? wait(
        'RevertInProgress',
        'It is unknown whether Proxmox VE received the request to revert the VM. The operator looks for its task and does not send the request again.',
        Math.min(left, LOOK_AGAIN_MS),
      )
    : ended(open, {
        result: 'Unknown',
        message:
          'The answer of Proxmox VE was lost, and no task was found. The request is not sent again. Look at the VM to see which state it has.',
      });
};

/** Before it was sent it is given up as soon as it cannot, or should not, be carried out. */
export const revertGivenUp: Rule = (want, have) => {
  const { open, request } = have.revert;
  if (!open || (open.state === 'Sent' && request?.state === 'unknown')) return undefined;
  const why = withdrawn({ ...have.revert, now: have.now }, open) ?? impossible(want, have);
  return why === undefined ? undefined : notRun(open, why);
};

/** A sentence. */
function impossible(want: Desired, have: Observed): string | undefined {
  const { presence, proven, revert } = have;
  if (!want.exists) return 'This object was deleted before the revert began.';
  if (want.restraint) return `The VM was not reverted. ${want.restraint.message}`;
  if (presence.kind === 'unknown' || presence.kind === 'notMade') return undefined;
  if (!proven)
    return `VM ${want.vmid} is not proven to be that of the VirtualMachine, so it was not reverted.`;
  const own = ownOf(have);
  if (!own) return `VM ${want.vmid} no longer has the snapshot, so it was not reverted.`;
  if (own.state !== undefined)
    return `Snapshot ${own.name} is incomplete in Proxmox VE (${own.state}), so VM ${want.vmid} was not reverted to it.`;
  return revert.obstacle;
}

/** Comes once the guest and the snapshot are proven and complete. */
export const revertOpen: Rule = (want, have) => {
  const { open, request, acknowledged } = have.revert;
  const own = ownOf(have);
  if (!open || !own) return undefined;
  const { requestedAt } = open;
  if (!acknowledged)
    return wait(
      'RevertInProgress',
      `The revert waits until VirtualMachine ${want.owner.name} leaves its VM alone: one thing is done with a VM at a time. What the VM is doing, its condition Ready says.`,
      LOOK_AGAIN_MS,
    );
  const others = blocked(want, { ...have, busy: undefined });
  // Another process could not know that it was not sent.
  if (others) return isUnsent(have.revert) ? act({ do: 'announceRevert', requestedAt }) : others;
  return act(
    request !== undefined && maySend({ request, now: have.now })
      ? { do: 'rollback', name: own.name, requestedAt }
      : { do: 'recordSent', requestedAt },
  );
};

const isUnsent = ({ open, request }: Observed['revert']): boolean =>
  open?.state === 'Sent' && request !== undefined && request.state !== 'unknown';

/** A new time in the spec. */
export const revertRequested: Rule = (want, have) => {
  const judged = judgeRequest({ ...have.revert, now: have.now });
  switch (judged.kind) {
    case 'none':
      return undefined;
    case 'ignore':
      return act({ do: 'ignoreRevert', requestedAt: judged.requestedAt });
    case 'record':
      return notRun(judged, judged.message);
    case 'run': {
      const why = impossible(want, have);
      return why === undefined
        ? act({ do: 'announceRevert', requestedAt: judged.requestedAt })
        : notRun(judged, why);
    }
    default:
      return judged satisfies never;
  }
};
