/**
 * A settled guest: nothing has changed since everything was in order, so nothing is read. What it rests on is what its
 * observation was derived from, so a change of any of that acts at once; figures that fluctuate are not among it. The
 * only file that computes this slice of the process state.
 */
import type { VirtualMachine } from '../../src/api/index.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import type { CallOptions } from '../../src/pve/index.ts';
import { settled, within, type Outcome } from '../../src/runtime/outcome.ts';
import { hasJustConsumed } from './cloud-init/status.ts';
import { readAddresses, scheduleAgentQuery } from './guest-agent/ask.ts';
import { updateProbe } from './guest-agent/probe.ts';
import type { Facts } from './model/facts.ts';
import { isDue, remember, type ProcessState, type ProcessStates, type Rest } from './model/process-state.ts';
import type { PlainSpec, ResolvedSpec } from './model/resolved-spec.ts';
import type { GuestRow, Surroundings } from './model/surroundings.ts';
import { readAt, RELIST } from './observe/drift-scan.ts';
import { clusterFacts } from './observe/observe.ts';
import type { Observation } from './model/observation.ts';
import { rowOf, surroundingsOf } from './observe/surroundings.ts';
import { settledUntil } from './report/next-look.ts';
import { AT_ONCE, resting, resultOf, withReadiness, type VmResult } from './report/outcome.ts';
import { nextCheck } from './restart/doubt.ts';
import { settleRoom } from './slots.ts';

interface Settling {
  readonly resolved: ResolvedSpec;
  readonly state: ProcessState;
  readonly now: number;
  readonly options: CallOptions;
}

/** What decisions about the guest would use now, as far as status says where it is. */
export function surroundingsNow(
  { status }: VirtualMachine,
  resolved: ResolvedSpec,
): Surroundings | undefined {
  const vmid = status?.vmid;
  if (vmid === undefined) return undefined;
  const cluster = clusterFacts(resolved.connection, resolved.owner.uid);
  const node = status?.node ?? rowOf(cluster.view, vmid)?.node;
  return node === undefined ? undefined : surroundingsOf(cluster, resolved, { vmid, node });
}

/** `undefined`: nothing to rest on. A digest, because the spec holds what Secrets contain. */
export function restKey(
  { metadata, status }: VirtualMachine,
  { connection: _connection, ...spec }: PlainSpec & Partial<Pick<ResolvedSpec, 'connection'>>,
  surroundings: Surroundings | undefined,
): string | undefined {
  if (!surroundings?.row || status?.task || !spec.shape) return undefined;
  return sha256Hex(JSON.stringify([metadata.generation, essentials(spec), surroundings]));
}

/** What texts say follows from the texts, and may be as long. How far an image is does not concern a guest that exists. */
const essentials = (spec: Pick<PlainSpec, 'shape' | 'image'>): unknown => ({
  ...spec,
  image: spec.image !== undefined,
  shape: spec.shape && { ...spec.shape, cloudInit: { ...spec.shape.cloudInit, documents: undefined } },
});

/** The result for a guest that is still settled: at most its agent is asked and it is probed. */
export async function whileSettled(
  vm: VirtualMachine,
  key: string | undefined,
  { resolved, state, now, options }: Settling,
): Promise<VmResult | undefined> {
  const { rest } = state;
  if (!rest || rest.key !== key || isDue(state.restart.dueAt, now)) return undefined;
  remember(state, { probe: await updateProbe(resolved, rest.facts, { state, now, options }) });
  const ready = (result: VmResult, until: Outcome): VmResult =>
    withReadiness(vm, resting(result, until), { resolved, processState: state });
  if (!isDue(state.agent.dueAt, now)) return ready(rest.result, settledUntil(state, now));
  const facts: Facts = { ...rest.facts, ...(await readAddresses(resolved, rest.facts, options)) };
  // The state was invalidated meanwhile: what was known must not be kept.
  if (state.rest !== rest) return ready(rest.result, settled(AT_ONCE));
  const result = resultOf(vm, facts);
  if (hasJustConsumed(vm.status, result.status)) {
    invalidate(state);
    return ready(result, settled(AT_ONCE));
  }
  remember(state, { rest: { ...rest, facts, result }, agent: scheduleAgentQuery(state.agent, facts, now) });
  return ready(result, settledUntil(state, now));
}

/** Makes this pass, or the next, read everything again. */
export const invalidate = (state: ProcessState): void => remember(state, { rest: undefined });

/** @param row of the guest before it was read: of a list that came later it is not known whether the read agrees with it */
export async function settle(
  vm: VirtualMachine,
  { facts, result, observation, row }: Settled,
  { resolved, state, processStates, now, options }: Settling & { readonly processStates: ProcessStates },
): Promise<VmResult> {
  remember(state, { probe: await updateProbe(resolved, facts, { state, now, options }) });
  settleRoom(resolved);
  const ready = (until: Outcome): VmResult =>
    withReadiness(vm, resting(result, until), { resolved, processState: state });
  if (hasJustConsumed(vm.status, result.status)) return ready(settled(AT_ONCE));
  const restart = nextCheck(state.restart, observation.have.restart);
  const agent = scheduleAgentQuery(state.agent, facts, now);
  remember(state, { agent, restart });
  const rest = restOf(vm, { facts, result, observation, row }, resolved, now);
  if (rest) processStates.settle(vm.metadata.uid, rest, resolved.connection.ledger);
  return ready(settledUntil(state, now));
}

/** A change that the list of guests missed starts no pass, so a guest that the list shows otherwise than it was read is read again soon. */
export const untilListed = (vm: VirtualMachine, result: VmResult, resolved: ResolvedSpec): VmResult =>
  isListed({ ...vm, status: result.status }, resolved)
    ? result
    : { ...result, outcome: within(result.outcome, RELIST) };

interface Settled {
  readonly facts: Facts;
  readonly result: VmResult;
  readonly observation: Observation;
  readonly row: GuestRow | undefined;
}

function restOf(
  vm: VirtualMachine,
  { facts, result, observation, row }: Settled,
  resolved: ResolvedSpec,
  now: number,
): Rest | undefined {
  const { surroundings } = observation;
  const reported = { ...vm, status: result.status };
  const key = surroundings && restKey(reported, resolved, { ...surroundings, row });
  const at = readAt(now, isListed(reported, resolved) ? 'listed' : 'unlisted');
  return key === undefined ? undefined : { key, facts, result, at };
}

/**
 * Whether the list of guests agrees with what was just read. It lags behind, and of two changes between two lists,
 * such as a start and the stop after it, it says nothing.
 */
function isListed({ status }: VirtualMachine, { connection }: ResolvedSpec): boolean {
  const row = status?.vmid === undefined ? undefined : connection.inventory.view()?.guests.get(status.vmid);
  const listed = row?.status ?? 'unknown';
  return listed === 'unknown' || listed === (status?.powerState === 'On' ? 'running' : 'stopped');
}
