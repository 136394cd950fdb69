/** Whether a guest is ready by the word of spec.lifecycle.readinessProbe. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { DEFAULTS } from '../../../src/api/index.ts';
import type { Reason } from '../../../src/runtime/outcome.ts';
import { commandOf } from './in-guest.ts';
import type { Probe, ProbeResult, ReadinessProbe } from '../model/probe.ts';
import type { Guest } from '../../shared/guests/model.ts';

export function probeOf({ spec: { lifecycle } }: VirtualMachine): ReadinessProbe | undefined {
  const probe = lifecycle?.readinessProbe;
  const usual = DEFAULTS.readinessProbe;
  return (
    probe && {
      command: commandOf(probe),
      initialDelayMs: probe.initialDelay ?? 0,
      periodMs: probe.period ?? usual.period,
      timeoutMs: probe.timeout ?? usual.timeout,
      failureThreshold: probe.failureThreshold ?? usual.failureThreshold,
    }
  );
}

/** PVE counts a guest's uptime in seconds, so the start that follows from it is off by as much. */
const START_TOLERANCE_MS = 3_000;

/** As it was, or anew for a guest that was started since. */
export function probeFor(
  known: Probe | undefined,
  settings: ReadinessProbe,
  {
    guest,
    now,
    notBefore = 0,
  }: { readonly guest: Guest; readonly now: number; readonly notBefore?: number | undefined },
): Probe {
  const start = now - (guest.uptimeMs ?? 0);
  if (known && start <= known.start + START_TOLERANCE_MS) return known;
  return { start, failures: 0, dueAt: Math.max(now, start + settings.initialDelayMs, notBefore) };
}

export function after(probe: Probe, settings: ReadinessProbe, result: ProbeResult, now: number): Probe {
  const { process: _ended, ...rest } = probe;
  const dueAt = now + settings.periodMs;
  if (result.kind === 'exit' && result.code === 0)
    return { ...rest, passes: true, failures: 0, last: result, dueAt };
  const failures = probe.failures + 1;
  const fails = probe.passes !== true || failures >= settings.failureThreshold;
  return { ...rest, failures, last: result, dueAt, ...(fails && { passes: false }) };
}

/** Why the guest is not ready; `undefined`: it is. @param wasReady what was reported last counts until a probe has ended */
export function unready(
  { passes, last }: Probe,
  { command: [program = ''] }: ReadinessProbe,
  wasReady: boolean,
): Reason | undefined {
  if (passes ?? wasReady) return undefined;
  const message = last ? `The readiness probe ${TOLD[last.kind](last, program)}` : NOT_YET;
  return { reason: 'NotReady', message };
}

const NOT_YET = 'The readiness probe has not ended yet.';

const TOLD: Readonly<Record<ProbeResult['kind'], (result: ProbeResult, program: string) => string>> = {
  exit: (result) => `ended with exit code ${'code' in result ? result.code : ''}.`,
  silent: () =>
    'needs the QEMU guest agent, which does not answer: it may be starting still, or qemu-guest-agent is not installed in the guest.',
  notConfigured: () =>
    'needs the QEMU guest agent, which is not enabled for the running VM. It is from the next stop and start on.',
  refused: (_result, program) => `could not be started: is ${program} there in the guest, and can it be run?`,
  forbidden: () =>
    'takes the privilege VM.GuestAgent.Unrestricted on the VM (VM.Monitor before Proxmox VE 9), which the credentials do not have.',
  late: () => 'did not end within its timeout.',
};
