/** Gathers what is needed to judge whether the guest is to be restarted: status, memory, and the others of its class. */
import { isObserved, type VirtualMachine } from '../../../src/api/index.ts';
import type { GuestView, View } from '../../../src/pve/index.ts';
import { isSameOwner } from '../../shared/guests/owner-mark.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { RestartNote } from '../model/restart.ts';
import type { Observation } from '../observe/observe.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import { judgeRestart } from './judge.ts';
import type { Queued, RestartSlots } from '../../shared/limits/restarts.ts';

export interface RestartPorts {
  readonly restartSlots: RestartSlots;
  readonly connections: Connections;
  /** The VMs that refer to this class. */
  readonly vmsOfClass: (namespace: string, name: string) => readonly VirtualMachine[];
}

/** So long after a request without an answer PVE may still be at it. */
const OUTCOME_UNKNOWN_MS = 60_000;

export function observeRestart(
  vm: VirtualMachine,
  observation: Observation,
  {
    resolved,
    processState,
    ports,
  }: { readonly resolved: ResolvedSpec; readonly processState: ProcessState; readonly ports: RestartPorts },
): Observation {
  const { want, have } = observation;
  if (!want.exists) {
    ports.restartSlots.forget(want.owner.uid);
    return observation;
  }
  const { presence, claim, now } = have;
  const guest =
    presence.kind === 'seen' && isSameOwner(presence.guest.mark, want.owner) ? presence.guest : undefined;
  const note = noteOf(vm);
  const turn = resolved.dryRun ? NO_SLOT : slotOf(vm, resolved, ports, note);
  const restart = judgeRestart({
    want,
    guest,
    made: claim?.made === true,
    task: have.task,
    drift: have.drift,
    awaited: have.awaited,
    now,
    observed: isObserved(vm.status),
    before: { note, restartedAt: vm.status?.internal?.restartedAt },
    inDoubt: isInDoubt(note, processState, now),
    claimSlot: turn.claim,
  });
  // Written down in this pass, so whatever comes of it is this process's doing.
  if (restart.note) processState.announced = restart.note.of;
  if (guest && !turn.claimed()) turn.release();
  if (guest?.running === false) forgetDoubt(processState);
  return { ...observation, have: { ...have, restart } };
}

function noteOf({ status }: VirtualMachine): RestartNote | undefined {
  const { cause, of, at, stopped = false } = status?.internal?.restart ?? {};
  return cause && of !== undefined && at !== undefined
    ? { cause, of, at: Date.parse(at), stopped }
    : undefined;
}

/** A shutdown that got no answer, or that an earlier process may have sent, may stop a guest that was started since. */
function isInDoubt(note: RestartNote | undefined, processState: ProcessState, now: number): boolean {
  if (note && !note.stopped && processState.announced !== note.of) {
    processState.announced = note.of;
    processState.shutdown = 'unanswered';
  }
  if (processState.shutdown !== 'unanswered') return false;
  processState.shutdownSince ??= now;
  return now - processState.shutdownSince < OUTCOME_UNKNOWN_MS;
}

function forgetDoubt(processState: ProcessState): void {
  delete processState.shutdown;
  delete processState.shutdownSince;
}

interface Turn {
  readonly claim: () => Queued | undefined;
  readonly claimed: () => boolean;
  readonly release: () => void;
}

/** Nothing is done, so nobody waits for it. */
const NO_SLOT: Turn = { claim: () => undefined, claimed: () => true, release: () => undefined };

function slotOf(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  ports: RestartPorts,
  note: RestartNote | undefined,
): Turn {
  const { uid, namespace, name } = vm.metadata;
  const { classRef } = vm.spec;
  const ofClass = { namespace: classRef.namespace ?? namespace, name: classRef.name };
  const key = JSON.stringify([resolved.connection.identity, ofClass]);
  let claimed = false;
  return {
    claim() {
      claimed = true;
      // What was announced had its turn already.
      const blockedBy = note ? undefined : downBeside(vm, resolved.connection, ports, ofClass);
      return ports.restartSlots.claim(key, { uid, name: `${namespace}/${name}` }, blockedBy);
    },
    claimed: () => claimed,
    release: () => ports.restartSlots.release(key, uid),
  };
}

/** Another VM of the class on the same PVE cluster that should run and does not, or is about to be restarted. */
function downBeside(
  { metadata }: VirtualMachine,
  { identity, inventory }: Connection,
  { connections, vmsOfClass }: RestartPorts,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string | undefined {
  const cluster = JSON.stringify(identity);
  const guests = inventory.view()?.guests;
  const other = vmsOfClass(namespace, name).find((vm) => {
    if (vm.metadata.uid === metadata.uid || !shouldRun(vm)) return false;
    const { providerRef } = vm.spec;
    const theirs = connections.get(providerRef.namespace ?? vm.metadata.namespace, providerRef.name);
    if (JSON.stringify(theirs?.identity) !== cluster) return false;
    return vm.status?.internal?.restart !== undefined || rowOf(vm, guests)?.status !== 'running';
  });
  return other && `${other.metadata.namespace}/${other.metadata.name}`;
}

/** It was made, and nobody wants it off or gone. */
const shouldRun = ({ metadata, spec, status }: VirtualMachine): boolean =>
  metadata.deletionTimestamp === undefined &&
  (spec.powerState ?? 'On') === 'On' &&
  status?.name !== undefined;

const rowOf = ({ status }: VirtualMachine, guests: View['guests'] | undefined): GuestView | undefined =>
  status?.vmid === undefined ? undefined : guests?.get(status.vmid);
