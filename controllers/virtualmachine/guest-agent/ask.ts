/** When the guest agent is queried, and what its answer means: the only file that computes this slice of the process state. */
import { PveError, type AgentInterfaces, type CallOptions, type Qemu } from '../../../src/pve/index.ts';
import { forbiddenMessage } from '../../shared/errors/outcome-of.ts';
import { addressesByNic } from '../networks/addresses.ts';
import { remember, type AgentSchedule, type ProcessState } from '../model/process-state.ts';
import type { Facts } from '../model/facts.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';

type Answer = Pick<Facts, 'agent' | 'agentProblem' | 'addresses'>;

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
    case 'refused':
    case 'forbidden':
    case 'unreachable':
    case 'failed':
      return { agent: answer.state, agentProblem: answer.message, addresses: undefined };
    case 'stopped':
      return { agent: 'notAsked', addresses: undefined };
    default:
      return answer satisfies never;
  }
}

interface NotAsked {
  readonly state: 'forbidden' | 'unreachable' | 'failed';
  readonly message: string;
}

/** An error of PVE fails no pass, because the guest itself runs. It says nothing about the agent. */
async function queryAgent({ agent }: Qemu, options: CallOptions): Promise<AgentInterfaces | NotAsked> {
  try {
    return await agent.networkInterfaces(options);
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    const { refusal, message } = error;
    if (refusal === 'forbidden') return { state: 'forbidden', message: forbiddenMessage(error) };
    return { state: refusal === 'unavailable' ? 'unreachable' : 'failed', message };
  }
}

const MIN_QUERY_INTERVAL_MS = 250;
/** No system boots faster, and a query that comes too early waits for three seconds in PVE (qemu-server, QMPClient). */
const MIN_BOOT_MS = 1_000;
const MAX_QUERY_INTERVAL_MS = 60_000;
/** After this long without an address only the drift scan queries the agent. */
const GIVE_UP_AFTER_MS = 10 * 60_000;
/** Once every NIC has an address, two more queries catch what comes late, such as IPv6. */
const LATE_QUERIES_AFTER_MS = [10_000, 30_000];

/** PVE reports the uptime in seconds, so the derived start is imprecise. */
const START_TOLERANCE_MS = 3_000;

/** We are about to start the guest. */
export const starting = (before: AgentSchedule): AgentSchedule => ({
  ...before,
  boots: true,
  since: undefined,
});

/** After any start of the guest its addresses are queried again. */
function withStart(
  { since, startedAt: known, ...rest }: AgentSchedule,
  { presence, now }: Facts['have'],
): AgentSchedule {
  const uptimeMs = presence.kind === 'seen' && presence.guest.running ? presence.guest.uptimeMs : undefined;
  if (uptimeMs === undefined) return { ...rest, since, startedAt: known };
  const startedAt = now - uptimeMs;
  const isLater = known !== undefined && startedAt > known + START_TOLERANCE_MS;
  return isLater
    ? { ...rest, since: startedAt, startedAt }
    : { ...rest, since, startedAt: known ?? startedAt };
}

/** There may be passes while a guest boots, for example when PVE first lists it as running. */
export const afterStart = (before: AgentSchedule, now: number): AgentSchedule =>
  before.boots ? { ...before, boots: undefined, notBefore: now + MIN_BOOT_MS } : before;

export const isBooting = ({ notBefore }: AgentSchedule, now: number): boolean =>
  notBefore !== undefined && now < notBefore;

/** Called once nothing is left to do: whether the guest was started too recently to have an agent. */
export function isStillBooting(state: ProcessState, now: number): boolean {
  remember(state, { agent: afterStart(state.agent, now) });
  return isBooting(state.agent, now);
}

/**
 * When the agent should be queried again: not before something changes or the drift scan reads the guest, if `dueAt` is
 * absent. The gap is a tenth of the time waited so far: a quick boot is noticed at once, and a slow one costs little.
 */
export function scheduleAgentQuery(
  before: AgentSchedule,
  { want, have, nics, addresses, agent }: Facts,
  now: number,
): AgentSchedule {
  const running = have.presence.kind === 'seen' && have.presence.guest.running;
  const schedule = { ...withStart(before, have), dueAt: undefined, ...(!running && { since: undefined }) };
  const isFutile = agent === 'notConfigured' || agent === 'forbidden';
  if (!want.exists || !running || isFutile || nics.length === 0) return schedule;
  const booted = afterStart(schedule, now);
  const { notBefore = now } = booted;
  if (isBooting(booted, now)) return { ...booted, dueAt: notBefore };
  const complete = areComplete({ nics, addresses });
  const since = booted.since ?? beganAt(before, have, { now, complete });
  const gap = queryInterval(now - since, complete);
  return { ...booted, since, dueAt: gap === undefined ? undefined : now + gap };
}

function areComplete({ nics, addresses }: Pick<Facts, 'nics' | 'addresses'>): boolean {
  const found = addresses?.filter((nic) => nic.addresses.length > 0).length ?? 0;
  return found === nics.length;
}

/** A guest that ran long before this process first saw it has what comes late: a start of ours must not query each agent thrice. */
function beganAt(
  { boots, startedAt }: AgentSchedule,
  { presence, now: readAt }: Facts['have'],
  { now, complete }: { readonly now: number; readonly complete: boolean },
): number {
  if (!complete || boots || startedAt !== undefined || presence.kind !== 'seen') return now;
  return readAt - (presence.guest.uptimeMs ?? 0);
}

function queryInterval(age: number, complete: boolean): number | undefined {
  if (!complete)
    return age > GIVE_UP_AFTER_MS
      ? undefined
      : Math.min(Math.max(age / 10, MIN_QUERY_INTERVAL_MS), MAX_QUERY_INTERVAL_MS);
  const next = LATE_QUERIES_AFTER_MS.find((at) => at > age);
  return next === undefined ? undefined : next - age;
}
