/** The one request that creates a guest: of a template, or without one. */
import { describeGuest } from '../../shared/guests/owner-mark.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { remember } from '../model/process-state.ts';
import type { StepTouching } from '../steps/step-info.ts';
import { refused, sent } from '../placement/clone-request.ts';
import { type PerformContext, startedTask } from './context.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import { seconds, type Upid } from '../../../src/lib/units.ts';
import { PveError } from '../../../src/pve/index.ts';
import { stalled } from '../../../src/runtime/outcome.ts';

export async function createGuest(step: StepTouching<'newGuest'>, context: PerformContext): Promise<Started> {
  const { processState } = context;
  // Until there is an answer, the request may be in flight; how long counts from when the wait for it ends.
  remember(processState, { cloneRequest: sent });
  try {
    return startedTask(step, await (step.do === 'clone' ? clone(step, context) : create(step, context)));
  } catch (error) {
    // The VMID is taken: the guest has to be read to know whose it is.
    if (isRefusal(error)) remember(processState, { cloneRequest: refused(error.refusal === 'exists') });
    throw (await poolMissing(error, context)) ?? error;
  }
}

function clone(
  { creation, vmid, name, owner }: Extract<Step, { do: 'clone' }>,
  { resolved, options }: PerformContext,
): Promise<Upid> {
  return resolved.connection.pve
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
}

const create = (
  { creation, vmid, settings }: Extract<Step, { do: 'create' }>,
  { resolved, options }: PerformContext,
): Promise<Upid> =>
  resolved.connection.pve.node(creation.node).qemu(vmid).create({ settings, pool: resolved.pool }, options);

/** PVE reports this as it reports a missing privilege. */
async function poolMissing(error: unknown, context: PerformContext): Promise<ExpectedError | undefined> {
  const { pool } = context.resolved;
  if (pool === undefined || !(error instanceof PveError)) return undefined;
  if (!error.pveMessage.includes(`pool '${pool}' does not exist`)) return undefined;
  const others = closestOf(pool, await poolsFor(context));
  return new ExpectedError(
    stalled(
      'PoolNotFound',
      `Pool "${pool}" not found in Proxmox VE, so the VM is not created.${others === '' ? '' : ` Pools there are ${others}.`} Correct spec.placement.pool of the VM or spec.defaults.pool of its Provider, or create the pool on a node: pvesh create /pools --poolid ${pool}`,
      seconds(30),
    ),
    error,
  );
}

/** Those that the namespace may use. That they cannot be listed hides no other problem. */
async function poolsFor({ resolved, options }: PerformContext): Promise<readonly string[]> {
  const { connection, grant } = resolved;
  return grant.pools ?? connection.pve.access.pools(options).catch(() => []);
}
