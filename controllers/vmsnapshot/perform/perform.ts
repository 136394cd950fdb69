/** One step is one request to Proxmox VE, or none where only status is written. */
import type { CallOptions } from '../../../src/pve/index.ts';
import { millis, type Upid } from '../../../src/lib/units.ts';
import { waiting } from '../../../src/runtime/outcome.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Resolved } from '../resolve/resolve.ts';
import type { Step } from '../model/plan.ts';
import type { Requests } from '../model/requests.ts';
import type { TaskLabel } from '../model/tasks.ts';

/** What a step resulted in. */
export type Started =
  | { readonly kind: 'task'; readonly type: TaskLabel; readonly upid: Upid }
  | { readonly kind: 'announced'; readonly name: string; readonly at: string }
  | { readonly kind: 'named'; readonly name: string };

export interface PerformContext {
  readonly resolved: Resolved;
  /** As observed in this pass, proven to be that of the VM. */
  readonly guest: Guest;
  readonly requests: Requests;
  /** Start of the pass. */
  readonly now: Date;
  /** Epoch ms: the announced request is not sent later. */
  readonly sendBefore: number;
  /** Epoch ms. */
  readonly clock: () => number;
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
    default:
      return step satisfies never;
  }
}

const TOO_LATE = waiting(
  'ChangedMeanwhile',
  'Reading the VM took too long. It is read again before anything is changed.',
  millis(200),
);

/** Until the answer is here the request is in doubt; a refusal leaves nothing behind. */
async function sent(
  type: TaskLabel,
  { requests, resolved: { want }, sendBefore, clock }: PerformContext,
  request: () => Promise<Upid>,
): Promise<Started> {
  // Another process relies on what status says: a request that is sent later would arrive after it stopped waiting.
  if (clock() > sendBefore) throw new ExpectedError(TOO_LATE);
  requests.sent(want.uid);
  try {
    return { kind: 'task', type, upid: await request() };
  } catch (error) {
    if (isRefusal(error)) requests.refused(want.uid);
    throw error;
  }
}
