/** What a VM reports whose spec cannot be resolved, or whose pass an error ended: nothing was observed. */
import { cutBytes } from '../../../src/lib/cut-bytes.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { minutes, seconds, type Millis } from '../../../src/lib/units.ts';
import {
  FORCE_DELETE,
  isObserved,
  type VirtualMachine,
  type VirtualMachineStatus,
} from '../../../src/api/index.ts';
import type { DomainCondition, Readable } from '../../../src/runtime/controller.ts';
import {
  stalled,
  suspended,
  unchanged as unchangedFor,
  waiting,
  within,
  type Outcome,
} from '../../../src/runtime/outcome.ts';
import { endsOnlyByEdit } from '../../shared/errors/only-by-edit.ts';
import type { Unresolved } from '../model/desired.ts';
import { pausedMessage } from '../plan/management.ts';
import { newsOf } from './events.ts';
import { cut } from './message.ts';
import { unchanged, type VmResult } from './outcome.ts';

/** Limit of conditions and events. */
const MAX_BYTES = 1024;
const LATER: Millis = seconds(30);
const RETRY_SOON: Millis = seconds(5);

function outcomeOfUnresolved(
  { reason, message, early, silentSince }: Unresolved,
  deleting: boolean,
): Outcome {
  // What an edit of a Secret ends is noticed by looking again.
  if (endsOnlyByEdit(reason)) return stalled(reason, message, LATER);
  // Nobody knows what runs. It is looked at again as soon as the Provider answers.
  return silentSince === undefined || deleting
    ? waiting(reason, message, early ? RETRY_SOON : LATER)
    : within(suspended('Unknown', reason, message), LATER);
}

/** A guest that exists runs on, so its phase stays. */
function phaseUnresolved(
  { metadata, status = {} }: VirtualMachine,
  reason: Unresolved['reason'],
): VirtualMachineStatus['phase'] {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (status.internal?.uuid !== undefined) return status.phase;
  return endsOnlyByEdit(reason) ? 'Failed' : 'Pending';
}

/** What an object that is being deleted waits for comes first; the ways out are always whole. */
function withWaysOut(vm: VirtualMachine, missing: Unresolved): Unresolved {
  const { message, reason, early } = missing;
  const isSaid = reason === 'Deleting' || message.includes(FORCE_DELETE);
  if (vm.metadata.deletionTimestamp === undefined || early || isSaid) return missing;
  const ways = waysOut(vm);
  return { ...missing, message: `${cutBytes(message, MAX_BYTES - ways.length)}${ways}` };
}

/** For one who deletes a namespace, too: nothing but annotations can be changed there any more. */
function waysOut({ metadata: { name, namespace }, status }: VirtualMachine): string {
  const what = status?.vmid === undefined ? 'What it has' : `VM ${status.vmid}`;
  const command = `kubectl annotate vm ${name} -n ${namespace} ${FORCE_DELETE}=true`;
  return ` The deletion goes on by itself once that is right again. To end it now: ${command}. ${what} then stays in Proxmox VE as it is, running and with its disks, and has to be removed there by hand.`;
}

export function unresolved(vm: VirtualMachine, problem: Unresolved): VmResult {
  const missing = withWaysOut(vm, problem);
  const { message, early, silentSince } = missing;
  const before = vm.status ?? {};
  const deleting = vm.metadata.deletionTimestamp !== undefined;
  // Otherwise every VM would be reported as not ready for a moment whenever the operator restarts.
  if (early && isObserved(vm.status)) return { outcome: unchangedFor(RETRY_SOON), status: vm.status ?? {} };
  const phase = phaseUnresolved(vm, missing.reason);
  // It is not made where it was to be made.
  const conditions = before.conditions?.filter(({ reason: placed }) => placed !== 'NodeChosen');
  const outcome = outcomeOfUnresolved(missing, deleting);
  const reported = {
    ...vm,
    status: {
      ...before,
      message: cut(message),
      ...omitUndefined({ conditions }),
      ...(phase !== undefined && { phase }),
    },
  };
  const result = { ...unchanged(reported, outcome), events: newsOf(vm, outcome) };
  return silentSince === undefined ? result : { ...result, conditions: whileSilent(vm, missing, result) };
}

/** Nobody knows what is true of a guest while nobody can ask, and all VMs of the Provider say the same. */
function whileSilent(
  { status }: VirtualMachine,
  { reason, message }: Unresolved,
  { conditions = [] }: VmResult,
): readonly DomainCondition[] {
  if (status?.vmid === undefined) return conditions;
  const unknown = (['Synced', 'GuestAgentConnected'] as const).map(
    (type) => ({ type, status: 'Unknown', reason, message }) as const,
  );
  const others = conditions.filter(({ type }) => type !== 'Synced' && type !== 'GuestAgentConnected');
  const isFirst = ({ type }: DomainCondition): boolean => type === 'Placed';
  return [...others.filter(isFirst), ...unknown, ...others.filter((each) => !isFirst(each))];
}

type Known = Pick<Readable<VirtualMachine>, 'metadata' | 'status'>;

/** What a pass says that an error ended. Nothing was observed. */
export const afterError = (vm: Known, outcome: Outcome): Pick<VirtualMachineStatus, 'phase' | 'message'> => ({
  ...('message' in outcome && { message: cut(outcome.message) }),
  ...omitUndefined({ phase: phaseAfterError(vm, outcome) }),
});

function phaseAfterError({ metadata, status = {} }: Known, { kind }: Outcome): VirtualMachineStatus['phase'] {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (status.name !== undefined) return status.phase;
  return kind === 'stalled' ? 'Failed' : status.vmid === undefined ? 'Pending' : 'Provisioning';
}

export function paused(vm: VirtualMachine): VmResult {
  const deleting = vm.metadata.deletionTimestamp !== undefined;
  const message = pausedMessage(deleting);
  const status = { ...vm.status, message, ...(deleting && { phase: 'Deleting' as const }) };
  const outcome = deleting
    ? waiting('ManagementPaused', message, minutes(30))
    : suspended('Unknown', 'ManagementPaused', message);
  return { ...unchanged({ ...vm, status }, outcome), events: newsOf(vm, outcome) };
}
