/** Steps that are written down in status: all but the choice of a VMID ask nothing of PVE. */
import type { Connection } from '../../shared/cluster/connections.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { remember } from '../model/process-state.ts';
import { quiet } from '../observe/in-flight.ts';
import { released, reserved } from '../placement/clone-request.ts';
import { DONE, type PerformContext } from './context.ts';
import { type Vmid, seconds } from '../../../src/lib/units.ts';
import { waiting } from '../../../src/runtime/outcome.ts';

export type RecordStep = Extract<
  Step,
  {
    do:
      | 'reserve'
      | 'releaseClaim'
      | 'recordPlacement'
      | 'recordSeed'
      | 'clearApplied'
      | 'recordRestart'
      | 'recordTags'
      | 'recordDisks'
      | 'recordHook';
  }
>;

export async function note(
  step: RecordStep,
  { resolved, processState, guest, generation, now }: PerformContext,
): Promise<Started> {
  const { connection } = resolved;
  switch (step.do) {
    case 'reserve': {
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
      return { kind: 'seedNoted', volume: step.volume, node: guest?.node };
    case 'recordPlacement':
    case 'clearApplied':
    case 'recordRestart':
    case 'recordDisks':
      return DONE;
    case 'recordTags':
      return { kind: 'tagsNoted', tags: step.tags };
    case 'recordHook':
      return { kind: 'hook', hook: { name: step.hook, state: 'Due', since: now, generation } };
    default:
      return step satisfies never;
  }
}

async function freeVmid(connection: Connection): Promise<Vmid> {
  const { inventory, vmids, pve, defaults } = connection;
  const view = inventory.view();
  const vmid = view && (await vmids.reserve(pve, view, defaults.vmIdRange));
  if (vmid === undefined) throw noFreeVmid(connection);
  return vmid;
}

const noFreeVmid = ({ defaults: { vmIdRange } }: Connection): ExpectedError =>
  new ExpectedError(
    waiting(
      'NoFreeVmid',
      vmIdRange
        ? `No VMID from ${vmIdRange.start} to ${vmIdRange.end} is free: widen spec.defaults.vmIdRange of the Provider.`
        : 'Proxmox VE has no free VMID left: widen next-id in the options of its datacenter.',
      seconds(30),
    ),
  );
