/** Runs the readiness probe in the guest, one request a pass. */
import { PveError, type CallOptions, type Qemu } from '../../../src/pve/index.ts';
import { isDue } from '../reporting/next-look.ts';
import type { GuestMemory } from '../memory.ts';
import { after, begun, type Probe, type ProbeResult, type ProbeWish } from './readiness.ts';
import type { Facts } from '../model/facts.ts';
import type { Wish } from '../resolve.ts';
import { isUp } from '../observation/states.ts';

/** A probe is over in no time, as a rule. */
const SHORTEST_LOOK_MS = 250;

/** A guest that nothing may be done to runs no command of ours either. */
export async function probeAgain(
  { probe: wished, connection, dryRun }: Wish,
  { have: { presence, now: seenAt }, want, plan: { kind } }: Facts,
  {
    memory,
    now,
    options,
  }: { readonly memory: GuestMemory; readonly now: number; readonly options: CallOptions },
): Promise<void> {
  const guest = presence.kind === 'seen' ? presence.guest : undefined;
  const may = want.exists && want.restraint === undefined && !dryRun && kind === 'steady';
  if (!wished || !may || !guest || !isUp(guest)) {
    delete memory.probe;
    return;
  }
  const known = begun(memory.probe, wished, { guest, now: seenAt, notBefore: memory.agentNotBefore });
  const qemu = connection.pve.node(guest.node).qemu(guest.vmid);
  memory.probe = isDue(known.dueAt, now) ? await probe(known, wished, { qemu, now, options }) : known;
}

/** Called when it is due. Whatever PVE answers is an answer: a probe fails no pass. */
async function probe(
  known: Probe,
  wish: ProbeWish,
  { qemu, now, options }: { readonly qemu: Qemu; readonly now: number; readonly options: CallOptions },
): Promise<Probe> {
  try {
    if (!known.process) {
      const answer = await qemu.agent.exec(wish.command, options);
      return 'pid' in answer
        ? { ...known, process: { pid: answer.pid, since: now }, dueAt: now + SHORTEST_LOOK_MS }
        : after(known, wish, { kind: kindOf(answer.state) }, now);
    }
    return await look(known, known.process, wish, { qemu, now, options });
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    return after(known, wish, { kind: error.refusal === 'forbidden' ? 'forbidden' : 'silent' }, now);
  }
}

async function look(
  known: Probe,
  { pid, since }: NonNullable<Probe['process']>,
  wish: ProbeWish,
  { qemu, now, options }: { readonly qemu: Qemu; readonly now: number; readonly options: CallOptions },
): Promise<Probe> {
  const answer = await qemu.agent.execution(pid, options);
  if (answer.state === 'ended') return after(known, wish, { kind: 'exit', code: answer.exitCode }, now);
  if (answer.state !== 'running') return after(known, wish, { kind: kindOf(answer.state) }, now);
  const age = now - since;
  return age >= wish.timeoutMs
    ? after(known, wish, { kind: 'late' }, now)
    : { ...known, dueAt: now + Math.min(Math.max(age, SHORTEST_LOOK_MS), wish.timeoutMs - age) };
}

const kindOf = (
  state: 'silent' | 'notConfigured' | 'stopped' | 'refused' | 'lost',
): Exclude<ProbeResult['kind'], 'exit' | 'forbidden' | 'late'> =>
  state === 'stopped' || state === 'lost' ? 'silent' : state;
