/** Whether a guest is ready by the word of spec.lifecycle.readinessProbe. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { DEFAULTS } from '../../../src/api/index.ts';
import type { Reason } from '../../../src/runtime/outcome.ts';
import { commandOf } from './in-guest.ts';
import type { Guest } from '../../shared/guests/model.ts';

export interface ReadinessProbe {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export type ProbeResult =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'silent' | 'notConfigured' | 'refused' | 'forbidden' | 'late' };

/** What this process knows of the probe of a guest that runs. */
export interface Probe {
  /** Epoch ms: start of what runs. */
  readonly start: number;
  /** It succeeded last, or failed less often than it takes; absent: neither is known yet. */
  readonly passes?: boolean;
  /** In a row. */
  readonly failures: number;
  readonly last?: ProbeResult;
  /** A probe that has not ended; `since` in epoch ms. */
  readonly process?: { readonly pid: number; readonly since: number };
  /** Epoch ms. */
  readonly dueAt: number;
}

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
export function notReadyReason(
  { passes, last }: Probe,
  { command: [program = ''] }: ReadinessProbe,
  wasReady: boolean,
): Reason | undefined {
  if (passes ?? wasReady) return undefined;
  const message = last ? `The readiness probe ${MESSAGES[last.kind](last, program)}` : NOT_ENDED;
  return { reason: 'NotReady', message };
}

const NOT_ENDED = 'The readiness probe has not ended yet.';

const MESSAGES: Readonly<Record<ProbeResult['kind'], (result: ProbeResult, program: string) => string>> = {
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
