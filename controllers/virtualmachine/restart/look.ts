/** Gathers what is needed to judge whether the guest is to be restarted: status, memory, and the others of its class. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { GuestView, View } from '../../../src/pve/index.ts';
import { sameOwner } from '../../shared/owner-mark.ts';
import type { Connection, Connections } from '../../shared/connections.ts';
import type { GuestMemory } from '../memory.ts';
import type { RestartNote } from './model.ts';
import type { Sight } from '../observe.ts';
import type { Wish } from '../resolve.ts';
import { judgeRestart } from './judge.ts';
import type { Queued, RestartTurns } from './turns.ts';

export interface RestartPorts {
  readonly turns: RestartTurns;
  readonly connections: Connections;
  /** The VMs that refer to this class. */
  readonly vmsOfClass: (namespace: string, name: string) => readonly VirtualMachine[];
}

/** So long after a request without an answer PVE may still be at it. */
const OUTCOME_UNKNOWN_MS = 60_000;

export function lookAtRestart(
  vm: VirtualMachine,
  sight: Sight,
  {
    wish,
    memory,
    ports,
  }: { readonly wish: Wish; readonly memory: GuestMemory; readonly ports: RestartPorts },
): Sight {
  const { want, have } = sight;
  if (!want.exists) {
    ports.turns.forget(want.owner.uid);
    return sight;
  }
  const { presence, claim, now } = have;
  const guest =
    presence.kind === 'seen' && sameOwner(presence.guest.mark, want.owner) ? presence.guest : undefined;
  const note = noteOf(vm);
  const turn = wish.dryRun ? NO_TURN : turnOf(vm, wish, ports, note);
  const restart = judgeRestart({
    want,
    guest,
    made: claim?.made === true,
    task: have.task,
    drift: have.drift,
    awaited: have.awaited,
    now,
    before: { note, restartedAt: vm.status?.restartedAt },
    inDoubt: isInDoubt(note, memory, now),
    claimTurn: turn.claim,
  });
  // Written down in this pass, so whatever comes of it is this process's doing.
  if (restart.note) memory.announced = restart.note.of;
  if (guest && !turn.claimed()) turn.release();
  if (guest?.running === false) forgetDoubt(memory);
  return { ...sight, have: { ...have, restart } };
}

function noteOf({ status }: VirtualMachine): RestartNote | undefined {
  const { cause, of, at, stopped = false } = status?.restart ?? {};
  return cause && of !== undefined && at !== undefined
    ? { cause, of, at: Date.parse(at), stopped }
    : undefined;
}

/** A shutdown that got no answer, or that an earlier process may have sent, may stop a guest that was started since. */
function isInDoubt(note: RestartNote | undefined, memory: GuestMemory, now: number): boolean {
  if (note && !note.stopped && memory.announced !== note.of) {
    memory.announced = note.of;
    memory.shutdown = 'unanswered';
  }
  if (memory.shutdown !== 'unanswered') return false;
  memory.shutdownSince ??= now;
  return now - memory.shutdownSince < OUTCOME_UNKNOWN_MS;
}

function forgetDoubt(memory: GuestMemory): void {
  delete memory.shutdown;
  delete memory.shutdownSince;
}

interface Turn {
  readonly claim: () => Queued | undefined;
  readonly claimed: () => boolean;
  readonly release: () => void;
}

/** Nothing is done, so nobody waits for it. */
const NO_TURN: Turn = { claim: () => undefined, claimed: () => true, release: () => undefined };

function turnOf(vm: VirtualMachine, wish: Wish, ports: RestartPorts, note: RestartNote | undefined): Turn {
  const { uid, namespace, name } = vm.metadata;
  const { classRef } = vm.spec;
  const ofClass = { namespace: classRef.namespace ?? namespace, name: classRef.name };
  const key = JSON.stringify([wish.connection.identity, ofClass]);
  let claimed = false;
  return {
    claim() {
      claimed = true;
      // What was announced had its turn already.
      const blockedBy = note ? undefined : downBeside(vm, wish.connection, ports, ofClass);
      return ports.turns.claim(key, { uid, name: `${namespace}/${name}` }, blockedBy);
    },
    claimed: () => claimed,
    release: () => ports.turns.release(key, uid),
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
    if (vm.metadata.uid === metadata.uid || !shallRun(vm)) return false;
    const { providerRef } = vm.spec;
    const theirs = connections.get(providerRef.namespace ?? vm.metadata.namespace, providerRef.name);
    if (JSON.stringify(theirs?.identity) !== cluster) return false;
    return vm.status?.restart !== undefined || rowOf(vm, guests)?.status !== 'running';
  });
  return other && `${other.metadata.namespace}/${other.metadata.name}`;
}

/** It was made, and nobody wants it off or gone. */
const shallRun = ({ metadata, spec, status }: VirtualMachine): boolean =>
  metadata.deletionTimestamp === undefined &&
  (spec.powerState ?? 'On') === 'On' &&
  status?.name !== undefined;

const rowOf = ({ status }: VirtualMachine, guests: View['guests'] | undefined): GuestView | undefined =>
  status?.vmid === undefined ? undefined : guests?.get(status.vmid);
