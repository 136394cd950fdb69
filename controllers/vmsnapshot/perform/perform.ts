/** One step is one request to Proxmox VE, or none where only status is written. */
import type { CallOptions } from '../../../src/pve/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Resolved } from '../resolve/resolve.ts';
import { asSentence } from '../../../src/lib/sentence.ts';
import type { RevertStep, Step } from '../model/plan.ts';
import type { Ending, OpenRevert } from '../model/revert.ts';
import type { Requests } from '../model/requests.ts';
import type { TaskLabel } from '../model/tasks.ts';

/** What a step resulted in. */
export type Started =
  | { readonly kind: 'task'; readonly type: TaskLabel; readonly upid: Upid }
  | { readonly kind: 'announced'; readonly name: string; readonly at: string }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'revertOpen'; readonly open: OpenRevert }
  | { readonly kind: 'revertEnded'; readonly requestedAt: string; readonly ending: Ending }
  | { readonly kind: 'revertIgnored'; readonly requestedAt: string };

export interface PerformContext {
  readonly resolved: Resolved;
  /** As observed in this pass, proven to be that of the VM. */
  readonly guest: Guest;
  readonly requests: Requests;
  readonly now: Date;
  readonly options: CallOptions;
}

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  const { resolved, guest, requests, now, options } = context;
  const { uid } = resolved.want;
  const snapshots = resolved.connection.pve.node(guest.node).qemu(guest.vmid).snapshots;
  switch (step.do) {
    case 'recordName':
      return { kind: 'named', name: step.name };
    case 'announce': {
      const at = now.toISOString();
      requests.announced(uid, at);
      return { kind: 'announced', name: step.name, at };
    }
    case 'create':
      return sent('Create', context, () => snapshots.create(step, options));
    case 'delete':
      return sent('Delete', context, () => snapshots.remove(step.name, options));
    case 'rollback':
      return rollback(step, context, () => snapshots.rollback(step.name, options));
    default:
      return record(step, { requests, uid, now });
  }
}

/** Steps that need no guest: only status is written. */
type Recorded = Exclude<RevertStep, { do: 'rollback' }>;

export const isRecorded = (step: Step): step is Recorded =>
  step.do === 'announceRevert' ||
  step.do === 'recordSent' ||
  step.do === 'followRollback' ||
  step.do === 'endRevert' ||
  step.do === 'ignoreRevert';

export function record(
  step: Recorded,
  { requests, uid, now }: Pick<PerformContext, 'requests' | 'now'> & { readonly uid: string },
): Started {
  const at = now.toISOString();
  switch (step.do) {
    case 'announceRevert':
      return { kind: 'revertOpen', open: { requestedAt: step.requestedAt, state: 'Announced', at } };
    case 'recordSent':
      requests.announced(uid, at);
      return { kind: 'revertOpen', open: { requestedAt: step.requestedAt, state: 'Sent', at } };
    case 'followRollback':
      return { kind: 'task', type: 'Revert', upid: step.upid };
    case 'endRevert':
      return { kind: 'revertEnded', requestedAt: step.requestedAt, ending: step.ending };
    case 'ignoreRevert':
      return { kind: 'revertIgnored', requestedAt: step.requestedAt };
    default:
      return step satisfies never;
  }
}

/** It is not sent again: what PVE refuses is how it ended. */
async function rollback(
  { requestedAt }: Extract<Step, { do: 'rollback' }>,
  context: PerformContext,
  request: () => Promise<Upid>,
): Promise<Started> {
  try {
    return await sent('Revert', context, request);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const ending = { result: 'Failed', message: asSentence(error.message) } as const;
    return { kind: 'revertEnded', requestedAt, ending };
  }
}

/** Until the answer is here the request is in doubt; a refusal leaves nothing behind. */
async function sent(
  type: TaskLabel,
  { requests, resolved: { want } }: PerformContext,
  request: () => Promise<Upid>,
): Promise<Started> {
  requests.sent(want.uid);
  try {
    return { kind: 'task', type, upid: await request() };
  } catch (error) {
    if (isRefusal(error)) requests.refused(want.uid);
    throw error;
  }
}
