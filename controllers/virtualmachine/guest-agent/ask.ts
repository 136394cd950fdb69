/** Queries the guest agent for addresses, and schedules the next query. */
import { PveError, type AgentInterfaces, type CallOptions, type Qemu } from '../../../src/pve/index.ts';
import { millis, type Millis } from '../../../src/lib/units.ts';
import { addressesByNic } from '../networks/addresses.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Facts } from '../model/facts.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';

type Answer = Pick<Facts, 'agent' | 'addresses'>;

/** Reads the addresses of a running guest. That the agent does not answer is a result and never blocks a pass. */
export async function readAddresses(
  { connection }: ResolvedSpec,
  { have, nics }: Pick<Facts, 'have' | 'nics'>,
  options: CallOptions,
): Promise<Answer> {
  const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
  if (!guest?.running) return { agent: 'notAsked', addresses: undefined };
  const answer = await queryAgent(connection.pve.node(guest.node).qemu(guest.vmid), options);
  switch (answer.state) {
    case 'running': {
      const interfaces = answer.interfaces.map(({ mac, addresses }) => ({
        mac,
        addresses: addresses.map((a) => a.address),
      }));
      return { agent: 'running', addresses: addressesByNic(nics, interfaces) };
    }
    case 'silent':
    case 'notConfigured':
      return { agent: answer.state, addresses: undefined };
    case 'stopped':
      return { agent: 'notAsked', addresses: undefined };
    default:
      return answer satisfies never;
  }
}

/** An error of PVE counts as no answer, because the guest itself runs. */
async function queryAgent({ agent }: Qemu, options: CallOptions): Promise<AgentInterfaces> {
  try {
    return await agent.networkInterfaces(options);
  } catch (error) {
    if (error instanceof PveError) return { state: 'silent' };
    throw error;
  }
}

const MIN_QUERY_INTERVAL_MS = 250;
/** No system boots faster, and a query before the agent runs takes three seconds (qemu-server, QMPClient). */
const MIN_BOOT_MS = 1_000;
const MAX_QUERY_INTERVAL_MS = 60_000;
/** After this time without an address only the drift scan queries the agent. */
const GIVE_UP_AFTER_MS = 10 * 60_000;
/** After every NIC has an address, two more queries find addresses that come later, such as IPv6. */
const LATE_QUERIES_AFTER_MS = [10_000, 30_000];

/** Whether the guest is too young for a query. Called when the guest is settled; passes may run while it boots. */
export function isBooting(processState: ProcessState, now: number): boolean {
  if (processState.boots) processState.agentNotBefore = now + MIN_BOOT_MS;
  delete processState.boots;
  return processState.agentNotBefore !== undefined && now < processState.agentNotBefore;
}

/**
 * Returns the time until the next query; `undefined`: at the next change or drift scan. The interval is a tenth of the
 * time waited so far, so that a fast boot is detected early and a slow one causes few queries.
 */
export function scheduleAgentQuery(
  { want, have, nics, addresses, agent }: Facts,
  processState: ProcessState,
  now: number,
): Millis | undefined {
  delete processState.agentDueAt;
  const running = have.presence.kind === 'seen' && have.presence.guest.running;
  if (!running) delete processState.agentSince;
  if (!want.exists || !running || agent === 'notConfigured' || nics.length === 0) return undefined;
  const interval = isBooting(processState, now)
    ? (processState.agentNotBefore ?? now) - now
    : nextInterval({ nics, addresses }, now - (processState.agentSince ??= now));
  if (interval === undefined) return undefined;
  processState.agentDueAt = now + interval;
  return millis(interval);
}

function nextInterval(
  { nics, addresses }: Pick<Facts, 'nics' | 'addresses'>,
  age: number,
): number | undefined {
  const found = addresses?.filter((nic) => nic.addresses.length > 0).length ?? 0;
  return queryInterval(age, found === nics.length);
}

function queryInterval(age: number, complete: boolean): number | undefined {
  if (!complete)
    return age > GIVE_UP_AFTER_MS
      ? undefined
      : Math.min(Math.max(age / 10, MIN_QUERY_INTERVAL_MS), MAX_QUERY_INTERVAL_MS);
  const next = LATE_QUERIES_AFTER_MS.find((at) => at > age);
  return next === undefined ? undefined : next - age;
}
