/** Runs the readiness probe in the guest, one request per pass. */
import { PveError, type CallOptions, type Qemu } from '../../../src/pve/index.ts';
import { isDue, type ProcessState } from '../model/process-state.ts';
import { after, probeFor } from './readiness.ts';
import type { Probe, ProbeResult, ReadinessProbe } from '../model/probe.ts';
import type { Facts } from '../model/facts.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { isUp } from '../../shared/guests/states.ts';

/** Most probes end within this time. */
const MIN_CHECK_INTERVAL_MS = 250;

/**
 * The state of the probe after this pass. No probe runs in a guest that the operator must not change.
 * The only file that computes this slice of the process state.
 */
export async function updateProbe(
  { probe: settings, connection, dryRun }: ResolvedSpec,
  { have: { presence, now: seenAt }, want, plan: { kind } }: Facts,
  {
    state,
    now,
    options,
  }: { readonly state: ProcessState; readonly now: number; readonly options: CallOptions },
): Promise<Probe | undefined> {
  const guest = presence.kind === 'seen' ? presence.guest : undefined;
  const may = want.exists && want.restraint === undefined && !dryRun && kind === 'steady';
  if (!settings || !may || !guest || !isUp(guest)) return undefined;
  const known = probeFor(state.probe, settings, {
    guest,
    now: seenAt,
    notBefore: state.agent.notBefore,
  });
  const qemu = connection.pve.node(guest.node).qemu(guest.vmid);
  return isDue(known.dueAt, now) ? runProbe(known, settings, { qemu, now, options }) : known;
}

/** Called when the probe is due. An error of PVE does not fail the pass. */
async function runProbe(
  known: Probe,
  settings: ReadinessProbe,
  { qemu, now, options }: { readonly qemu: Qemu; readonly now: number; readonly options: CallOptions },
): Promise<Probe> {
  try {
    if (!known.process) {
      const answer = await qemu.agent.exec(settings.command, options);
      return 'pid' in answer
        ? { ...known, process: { pid: answer.pid, since: now }, dueAt: now + MIN_CHECK_INTERVAL_MS }
        : after(known, settings, { kind: answer.state }, now);
    }
    return await checkProcess(known, known.process, settings, { qemu, now, options });
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    const result: ProbeResult =
      error.refusal === 'forbidden' ? { kind: 'forbidden' } : { kind: 'notAsked', why: error.message };
    return after(known, settings, result, now);
  }
}

async function checkProcess(
  known: Probe,
  { pid, since }: NonNullable<Probe['process']>,
  settings: ReadinessProbe,
  { qemu, now, options }: { readonly qemu: Qemu; readonly now: number; readonly options: CallOptions },
): Promise<Probe> {
  const answer = await qemu.agent.execution(pid, options);
  if (answer.state === 'ended') return after(known, settings, { kind: 'exit', code: answer.exitCode }, now);
  if (answer.state !== 'running') return after(known, settings, { kind: answer.state }, now);
  const age = now - since;
  return age >= settings.timeoutMs
    ? after(known, settings, { kind: 'late' }, now)
    : { ...known, dueAt: now + Math.min(Math.max(age, MIN_CHECK_INTERVAL_MS), settings.timeoutMs - age) };
}
