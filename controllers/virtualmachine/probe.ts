/** Runs the readiness probe in the guest, one request a pass. */
import { PveError, type CallOptions, type Qemu } from '../../src/pve/index.ts';
import { after, type Probe, type ProbeResult, type ProbeWish } from './readiness.ts';

/** A probe is over in no time, as a rule. */
const SHORTEST_LOOK_MS = 250;

/** Called when it is due. Whatever PVE answers is an answer: a probe fails no pass. */
export async function probe(
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
