/** Steps that are only recorded in status. Only the choice of a VMID sends a request to PVE. */
import type { Connection } from '../../shared/cluster/connections.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import type { Started } from '../model/facts.ts';
import type { StepTouching } from '../steps/step-info.ts';
import { remember } from '../model/process-state.ts';
import { quiet } from '../observe/in-flight.ts';
import { released, reserved } from '../placement/clone-request.ts';
import { DONE, type PerformContext } from './context.ts';
import { type Vmid, seconds } from '../../../src/lib/units.ts';
import { waiting } from '../../../src/runtime/outcome.ts';

export async function record(
  step: StepTouching<'status'>,
  { resolved, processState, guest, generation, now }: PerformContext,
): Promise<Started> {
  const { connection } = resolved;
  switch (step.do) {
    case 'reserve': {
      // From here on the object has something that a deletion must remove, whatever is deleted before it.
      await connection.keepCredentials?.();
      if (step.vmid !== undefined) return { kind: 'claim', vmid: step.vmid };
      if (step.fixed !== undefined) connection.vmids.hold(step.fixed);
      const vmid = step.fixed ?? (await freeVmid(connection));
      remember(processState, {
        cloneRequest: reserved(processState.cloneRequest),
        inFlight: quiet(processState.inFlight),
      });
      return { kind: 'claim', vmid };
    }
    case 'releaseClaim':
      connection.vmids.release(step.vmid);
      remember(processState, { cloneRequest: released(processState.cloneRequest) });
      return { kind: 'claimReleased' };
    case 'recordSeed':
      return { kind: 'seedRecorded', volume: step.volume, node: guest?.node };
    case 'recordPlacement':
    case 'clearApplied':
    case 'recordRestart':
    case 'recordRevert':
    case 'recordNetworks':
    case 'recordDisks':
    case 'recordCdroms':
      return DONE;
    case 'recordTags':
      return { kind: 'tagsRecorded', tags: step.tags };
    case 'recordHook':
      return { kind: 'hook', hook: { name: step.hook, state: 'Due', since: now, generation } };
    default:
      return step satisfies never;
  }
}

async function freeVmid(connection: Connection): Promise<Vmid> {
  const { inventory, vmids, pve, defaults } = connection;
  const view = inventory.view() ?? (await inventory.refresh());
  const vmid = await vmids.reserve(pve, view, defaults.vmIdRange);
  if (vmid === undefined) throw noFreeVmid(connection, vmids.coolingDown(view, defaults.vmIdRange));
  return vmid;
}

/** @param cooling a VMID that was released a short while ago */
function noFreeVmid(
  { defaults: { vmIdRange } }: Pick<Connection, 'defaults'>,
  cooling: Vmid | undefined,
): ExpectedError {
  const what = vmIdRange
    ? `No VMID from ${vmIdRange.start} to ${vmIdRange.end} is free, so the VM is not created.`
    : 'Proxmox VE has no free VMID left, so the VM is not created.';
  const range = vmIdRange
    ? 'spec.defaults.vmIdRange of the Provider'
    : 'next-id in the datacenter options of Proxmox VE';
  const remedy =
    cooling === undefined
      ? `Extend ${range}.`
      : `VMID ${cooling} belonged to a VM until a short while ago: it is assigned again ten minutes after its release, and the VM is created then. To create it earlier: extend ${range}.`;
  return new ExpectedError(waiting('NoFreeVmid', `${what} ${remedy}`, seconds(30)));
}
