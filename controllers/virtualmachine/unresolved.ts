/** A pass over a VM whose spec cannot be resolved: it waits, except that a VM that is to be off is switched off. */
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import { millis } from '../../src/lib/units.ts';
import { within } from '../../src/runtime/outcome.ts';
import { firstLookMs } from '../shared/tasks/in-progress.ts';
import { powerStateOf } from '../shared/guests/states.ts';
import type { Decision } from './model/decision.ts';
import type { Unresolved } from './model/desired.ts';
import type { Started } from './model/facts.ts';
import type { Observation } from './model/observation.ts';
import type { Plan } from './model/plan.ts';
import type { ProcessState } from './model/process-state.ts';
import type { ResolvedSpec } from './model/resolved-spec.ts';
import type { Failure } from './model/tasks.ts';
import { isOwn } from './ownership/identity.ts';
import { releasesUnresolved } from './plan/leaving.ts';
import { plan } from './plan/plan.ts';
import { mayBeSwitchedOff, planSwitchOff } from './plan/switch-off.ts';
import { eventsOf } from './report/events.ts';
import type { VmResult } from './report/outcome.ts';
import { unresolved } from './report/unresolved.ts';
import { taskOf } from './report/status.ts';
import type { Resolved } from './resolve/resolve.ts';
import { rowOf } from './observe/surroundings.ts';
import { freeUnclaimedRoom } from './slots.ts';

interface Ways {
  readonly look: (resolved: ResolvedSpec) => Promise<Observation>;
  /** A step that did not last is not repeated at once. */
  readonly again: (next: Plan) => Plan;
  readonly state: Pick<ProcessState, 'surveyed'>;
}

export async function decideUnresolved(
  vm: VirtualMachine,
  resolution: Extract<Resolved, { ok: false }>,
  { look, again, state }: Ways,
): Promise<Decision | { readonly result: VmResult }> {
  const gone = releasesUnresolved(vm, resolution);
  if (gone) return { next: gone };
  const { bare: resolved, unmade, ...missing } = resolution;
  const found = await recoveryOf(unmade, look, state);
  if (found) return found;
  if (resolved) freeUnclaimedRoom(vm, resolved);
  const { powerState } = vm.spec;
  if (!resolved || resolved.dryRun || !mayBeSwitchedOff(vm) || !isNews(vm, resolved))
    return { result: unresolved(vm, missing) };
  const observation = await look(resolved);
  const power = powerState === 'Off' ? 'Off' : 'OffGraceful';
  const planned = planSwitchOff(power, observation.want, observation.have);
  const next = planned && again(planned);
  if (next?.kind === 'act') return { next, seen: { resolved, observation, row: undefined, missing } };
  return { result: whileSwitchingOff(vm, missing, { observation, next }) };
}

/**
 * What a VM had before its status was lost it has still, whatever it would be granted today. It is looked for once, so
 * that waiting costs Proxmox VE nothing.
 */
async function recoveryOf(
  unmade: ResolvedSpec | undefined,
  look: Ways['look'],
  { surveyed }: Ways['state'],
): Promise<Decision | undefined> {
  if (!unmade || unmade.dryRun || surveyed) return undefined;
  const observation = await look(unmade);
  const next = plan(observation.want, observation.have);
  const recovers = next.kind === 'act' && next.step.do === 'reserve' && next.step.recovers === true;
  return recovers ? { next, seen: { resolved: unmade, observation, row: undefined } } : undefined;
}

/** Whether the list has a guest that may run; otherwise nothing is read, so that waiting costs Proxmox VE nothing. */
function isNews({ status }: VirtualMachine, { connection }: ResolvedSpec): boolean {
  if (status?.task !== undefined) return true;
  const row = rowOf(connection.inventory.view(), status?.vmid);
  return row !== undefined && (row.status !== 'stopped' || status?.powerState !== 'Off');
}

interface SwitchingOff {
  readonly observation: Observation;
  readonly next: Plan | undefined;
  readonly started?: Started | undefined;
}

/** Ready still says what is missing; of the guest, its power state and the task are reported. */
export function whileSwitchingOff(
  vm: VirtualMachine,
  missing: Unresolved,
  { observation, next, started }: SwitchingOff,
): VmResult {
  const { have } = observation;
  const result = unresolved({ ...vm, status: statusAfter(vm, observation, started) }, missing);
  const again = againAfter(next, started);
  return {
    ...result,
    outcome: again === undefined ? result.outcome : within(result.outcome, millis(again)),
    events: [...(result.events ?? []), ...(next ? eventsOf({ plan: next, have, started }) : [])],
  };
}

function statusAfter(
  { metadata, status = {} }: VirtualMachine,
  { want, have }: Observation,
  started: Started | undefined,
): VirtualMachineStatus {
  const { task: _task, failure: _failure, ...before } = status;
  const { presence, claim, failure } = have;
  const guest =
    presence.kind === 'seen' && isOwn(presence.guest, want.owner, claim) ? presence.guest : undefined;
  return {
    ...(guest?.running === false ? withoutRunning(before) : before),
    ...omitUndefined({ task: taskOf(status, { have, started }) }),
    ...(guest && { powerState: powerStateOf(guest), ...(!guest.running && { phase: 'Stopped' as const }) }),
    ...(failure && {
      failure: recorded(failure, metadata.generation),
    }),
  };
}

const recorded = (
  { node: _node, at, ...failure }: Failure,
  generation: number,
): NonNullable<VirtualMachineStatus['failure']> => ({
  ...failure,
  at: new Date(at).toISOString(),
  generation,
});

/** What is true only of a guest that runs. */
const withoutRunning = ({
  ipAddresses: _addresses,
  conditions,
  ...rest
}: VirtualMachineStatus): VirtualMachineStatus => ({
  ...rest,
  ...(conditions && { conditions: conditions.filter(({ type }) => type !== 'GuestAgentConnected') }),
});

function againAfter(next: Plan | undefined, started: Started | undefined): number | undefined {
  if (started) return started.kind === 'task' ? firstLookMs(started) : 50;
  return next && 'againMs' in next ? next.againMs : undefined;
}
