/** The one request that creates a guest. */
import { describeGuest } from '../../shared/guests/owner-mark.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { remember } from '../model/process-state.ts';
import { refused, sent } from '../placement/clone-request.ts';
import { type PerformContext, startedTask } from './context.ts';
import { seconds } from '../../../src/lib/units.ts';
import { PveError } from '../../../src/pve/index.ts';
import { stalled } from '../../../src/runtime/outcome.ts';

export async function clone(step: Extract<Step, { do: 'clone' }>, context: PerformContext): Promise<Started> {
  const { resolved, processState, options } = context;
  const { creation, vmid, name, owner } = step;
  // Until there is an answer, the request may be in flight; how long counts from when the wait for it ends.
  remember(processState, { cloneRequest: sent });
  try {
    const upid = await resolved.connection.pve
      .node(creation.templateNode)
      .qemu(creation.template)
      .clone(
        {
          newid: vmid,
          name,
          description: describeGuest(owner),
          full: creation.full,
          ...(creation.node !== creation.templateNode && !creation.moves && { target: creation.node }),
          ...(creation.storage !== undefined && { storage: creation.storage }),
          ...(creation.copy?.snapname !== undefined && { snapname: creation.copy.snapname }),
          ...(resolved.pool !== undefined && { pool: resolved.pool }),
        },
        options,
      );
    return startedTask(step, upid);
  } catch (error) {
    // The VMID is taken: the guest has to be read to know whose it is.
    if (isRefusal(error)) remember(processState, { cloneRequest: refused(error.refusal === 'exists') });
    throw poolMissing(error, resolved.pool) ?? error;
  }
}

/** PVE reports this as it reports a missing privilege. */
const poolMissing = (error: unknown, pool: string | undefined): ExpectedError | undefined =>
  pool !== undefined &&
  error instanceof PveError &&
  error.pveMessage.includes(`pool '${pool}' does not exist`)
    ? new ExpectedError(
        stalled(
          'PoolNotFound',
          `Pool "${pool}" not found in Proxmox VE, so the VM is not created. Create the pool on a node: pvesh create /pools --poolid ${pool}`,
          seconds(30),
        ),
        error,
      )
    : undefined;
