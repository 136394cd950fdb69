/** How far a VM is managed, where that is not in full: what is withheld, and how that is told. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { settled, suspended, type Outcome } from '../../../src/runtime/outcome.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Desired, Restraint } from '../model/desired.ts';
import { isUp } from '../../shared/guests/states.ts';

type Withheld = Extract<Plan, { kind: 'withheld' }>;

/** Why nothing is changed now; `undefined`: the VM is managed. */
export function restraintOf({ spec, status }: VirtualMachine): Restraint | undefined {
  if (spec.managementPolicy === 'ObserveOnly') return 'ObserveOnly';
  return spec.managementPolicy === 'CreateOnly' && status?.createdAt !== undefined ? 'CreateOnly' : undefined;
}

/** Ready is about what runs: other differences are told in Synced, as those are that nothing can be done about. */
export function withheldOutcome(plan: Withheld, want: Desired, { presence }: Observed): Outcome {
  const guest = presence.kind === 'seen' ? presence.guest : undefined;
  const hasDesiredPower = guest && want.exists && (want.power === 'On' ? isUp(guest) : !guest.running);
  return hasDesiredPower ? settled() : suspended('False', plan.by, withheldMessage(plan));
}

const BECAUSE: Readonly<Record<Restraint, string>> = {
  ObserveOnly: 'Nothing is changed, because managementPolicy is ObserveOnly.',
  CreateOnly: 'Nothing is changed any more, because managementPolicy is CreateOnly and the VM was created.',
};

/** What would be done, without a value: a configuration may hold secrets. */
export const withheldMessage = ({ by, steps }: Withheld): string =>
  `The spec asks for: ${steps.map(wouldDo).join('; ')}. ${BECAUSE[by]}`;

function wouldDo(step: Step): string {
  switch (step.do) {
    case 'configure':
      return `a change of ${[...Object.keys(step.change.set), ...step.change.delete].join(', ')}`;
    case 'recordDisks':
      return 'new disks';
    case 'recordHook':
    case 'runHook':
      return `the hook ${step.hook} to be run`;
    case 'attachDisk':
      return `disk ${step.name} to be attached`;
    case 'moveDisk':
      return `disk ${step.name} to be moved to ${step.storage}`;
    case 'detachDisk':
      return `disk ${step.name} to be detached`;
    case 'destroyDisk':
      return `disk ${step.name} to be destroyed`;
    case 'growDisk':
      return `${step.disk} to be grown to ${formatQuantity(step.to)}`;
    case 'start':
      return 'the VM to be started';
    case 'stop':
      return 'the VM to be stopped';
    case 'shutdown':
      return 'the VM to be shut down';
    case 'destroy':
      return 'the VM to be destroyed';
    case 'migrate':
      return `the VM to be moved to node ${step.move.to}`;
    case 'adopt':
      return 'the VM to be taken over, with our mark in its description';
    case 'reserve':
      return step.adopts ? `VM ${step.vmid ?? ''} to be taken over` : 'a VM to be created';
    case 'recordPlacement':
    case 'clone':
      return 'a VM to be created';
    case 'recordSeed':
    case 'uploadSeed':
    case 'deleteSeed':
      return 'another cloud-init image';
    case 'recordRestart':
      return 'a restart';
    case 'clearApplied':
      return 'another configuration';
    case 'recordTags':
      return 'other tags';
    case 'releaseClaim':
      return 'the VMID to be given back';
    default:
      return step satisfies never;
  }
}

/** Paused: a deletion waits, everything else rests as it was last seen. */
export const pausedMessage = (deleting: boolean): string =>
  deleting
    ? 'The object is being deleted, but managementPolicy is Paused, so Proxmox VE is not asked. Set managementPolicy to Full to have it deleted as deletionPolicy says, or to ObserveOnly to let it go and leave the VM as it is.'
    : 'managementPolicy is Paused: nothing is asked of Proxmox VE and nothing is done. What the status says was seen before.';
