/** Whether a guest is ready according to spec.lifecycle.readinessProbe. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { DEFAULTS } from '../../../src/api/index.ts';
import type { Reason } from '../../../src/runtime/outcome.ts';
import { commandOf } from './in-guest.ts';
import type { Probe, ProbeResult, ReadinessProbe } from '../model/probe.ts';
import type { Guest } from '../../shared/guests/model.ts';

export function probeOf({ spec: { lifecycle } }: VirtualMachine): ReadinessProbe | undefined {
  const probe = lifecycle?.readinessProbe;
  const defaults = DEFAULTS.readinessProbe;
  return (
    probe && {
      command: commandOf(probe),
      initialDelayMs: probe.initialDelay ?? 0,
      periodMs: probe.period ?? defaults.period,
      timeoutMs: probe.timeout ?? defaults.timeout,
      failureThreshold: probe.failureThreshold ?? defaults.failureThreshold,
    }
  );
}

/** PVE reports the uptime in seconds, so the derived start is imprecise. */
const START_TOLERANCE_MS = 3_000;

/** Returns the known probe, or a new one if the guest was started since. */
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
  if (result.kind === 'notAsked') return { ...rest, last: result, dueAt };
  if (result.kind === 'exit' && result.code === 0)
    return { ...rest, passes: true, failures: 0, last: result, dueAt };
  const failures = probe.failures + 1;
  const fails = probe.passes !== true || failures >= settings.failureThreshold;
  return { ...rest, failures, last: result, dueAt, ...(fails && { passes: false }) };
}

/**
 * Why the guest is not ready; `undefined` if it is.
 * @param wasReady - the last reported readiness, used until the first result
 */
export function notReadyReason(
  { passes, last }: Probe,
  { command: [program = ''] }: ReadinessProbe,
  wasReady: boolean,
): Reason | undefined {
  if (passes ?? wasReady) return undefined;
  const message = last ? `The readiness probe ${MESSAGES[last.kind](last, program)}` : NOT_ENDED;
  return { reason: 'NotReady', message };
}

const NOT_ENDED = 'The readiness probe has no result yet.';

const MESSAGES: Readonly<Record<ProbeResult['kind'], (result: ProbeResult, program: string) => string>> = {
  exit: (result) => `ended with exit code ${'code' in result ? result.code : ''}.`,
  silent: () =>
    'requires the QEMU guest agent, which does not answer. It may still be starting. Otherwise install qemu-guest-agent in the guest.',
  notConfigured: () =>
    'requires the QEMU guest agent, which is not enabled for the running VM. Stop and start the VM to enable it.',
  refused: (_result, program) =>
    `could not be started. Check that ${program} exists in the guest and is executable.`,
  forbidden: () =>
    'requires the privilege VM.GuestAgent.Unrestricted on the VM (VM.Monitor before Proxmox VE 9), which the credentials lack. Grant it.',
  late: () => 'did not end within its timeout.',
  lost: () => 'did not end, because the guest or its agent was restarted. It runs again.',
  stopped: () => 'could not run, because the guest is not running.',
  notAsked: (result) => `could not run. ${'why' in result ? result.why : ''}`,
};
