/**
 * Passes over VMs whose Provider does not answer. They end at once: a request would only wait for its deadline. What was
 * reported stays for a while, since most outages are short; then the VMs report it one after the other.
 */
import type { VirtualMachine } from '../../src/api/index.ts';
import { millis, seconds } from '../../src/lib/units.ts';
import { PveError } from '../../src/pve/index.ts';
import { unchanged } from '../../src/runtime/outcome.ts';
import { silence, type Connections } from '../shared/cluster/connections.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { createPace } from '../shared/limits/pace.ts';
import type { VmResult } from './report/outcome.ts';
import { unresolved } from './report/unresolved.ts';
import { providerUnreachable } from '../shared/cluster/reach.ts';

export interface Outages {
  /** The result of a pass while the Provider does not answer. @param since epoch ms */
  report(vm: VirtualMachine, since: number): VmResult;
  /**
   * The result of a pass that failed because the Provider answers nothing, or nothing but that it does not accept the
   * credentials, which is no matter of this VM.
   * @throws the error where that is not the cause
   */
  behind(error: unknown, vm: VirtualMachine, signal: AbortSignal): Promise<VmResult>;
}

export interface OutagePorts {
  readonly connections: Connections;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A shorter outage is not reported. */
const GRACE = seconds(30);
/** Of all VMs together. */
const WRITES_PER_SECOND = 20;
/** The list of guests is read every few seconds, unless the server is slow to answer. */
const RECENT = seconds(10);

export function createOutages({ connections, now }: OutagePorts): Outages {
  const pace = createPace(WRITES_PER_SECOND, now);

  function report(vm: VirtualMachine, since: number): VmResult {
    const result = unresolved(vm, providerUnreachable(vm.spec.providerRef.name, since));
    if (isReported(vm)) return result;
    // An edit or a deletion is answered without that wait.
    const grace = isAnswered(vm) ? since + GRACE - now() : 0;
    const wait = grace > 0 ? millis(grace) : pace.until(vm.metadata.uid);
    return wait > 0 ? { outcome: unchanged(wait), status: vm.status ?? {} } : result;
  }

  /** A list that is long overdue says so before its own request is given up. */
  async function silentSince(
    { metadata, spec: { providerRef } }: VirtualMachine,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const connection = connections.get(providerRef.namespace ?? metadata.namespace, providerRef.name);
    const takenAt = connection?.inventory.view()?.takenAt;
    if (!connection || takenAt === undefined) return undefined;
    if (now() - takenAt > RECENT) return silence(connection)?.since ?? takenAt;
    await connection.inventory.refresh(signal).catch(() => undefined);
    return silence(connection)?.since;
  }

  return {
    report,
    async behind(error, vm, signal) {
      const since = isUnanswered(error) ? await silentSince(vm, signal) : undefined;
      if (since === undefined) throw error;
      return report(vm, since);
    },
  };
}

/** Where the outcome of a request is not known, that is reported. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof PveError &&
  (error.refusal === 'unauthenticated' || (error.refusal === 'unavailable' && error.noAnswer !== undefined));

const reasonOf = ({ status, metadata }: VirtualMachine, wanted: 'Ready' | 'Reconciling') =>
  status?.conditions?.find(
    ({ type, observedGeneration }) => type === wanted && observedGeneration === metadata.generation,
  )?.reason;

const isDeleting = ({ metadata }: VirtualMachine): boolean => metadata.deletionTimestamp !== undefined;

/** The last report was about the object as it is now. */
function isAnswered(vm: VirtualMachine): boolean {
  const ready = reasonOf(vm, 'Ready');
  return isDeleting(vm) ? ready === 'Deleting' : ready !== undefined;
}

/** While an object is being deleted, Ready says only that. */
const isReported = (vm: VirtualMachine): boolean =>
  reasonOf(vm, isDeleting(vm) ? 'Reconciling' : 'Ready') === Reasons.providerUnreachable;
