import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import {
  after,
  probeFor,
  notReadyReason,
} from '../../../../../controllers/virtualmachine/guest-agent/readiness.ts';
import type {
  Probe,
  ProbeResult,
  ReadinessProbe,
} from '../../../../../controllers/virtualmachine/model/probe.ts';
import { aGuest, NOW } from '../../../../builders/guests.ts';

const SETTINGS: ReadinessProbe = {
  command: ['/bin/check', '--token=s3cret'],
  initialDelayMs: 5_000,
  periodMs: 10_000,
  timeoutMs: 10_000,
  failureThreshold: 3,
};
const guest = aGuest({ running: true, state: 'running', uptimeMs: 1_000 });
const fresh = probeFor(undefined, SETTINGS, { guest, now: NOW });
const ok: ProbeResult = { kind: 'exit', code: 0 };
const bad: ProbeResult = { kind: 'exit', code: 7 };
const probeAfter = (...results: readonly ProbeResult[]): Probe =>
  results.reduce((probe, result) => after(probe, SETTINGS, result, NOW), fresh);
const isReady = (probe: Probe, wasReady = false): boolean =>
  notReadyReason(probe, SETTINGS, wasReady) === undefined;

describe('a guest with a readiness probe', () => {
  test('is not ready before the first probe has ended, unless it was reported so before', () => {
    expect(isReady(fresh)).toBe(false);
    expect(isReady(fresh, true)).toBe(true);
    expect(isReady(probeAfter(bad), true)).toBe(false);
  });

  test('is ready after one success, and until as many failures in a row as it takes', () => {
    expect(isReady(probeAfter(bad, bad, ok))).toBe(true);
    expect(isReady(probeAfter(ok, bad, bad))).toBe(true);
    expect(isReady(probeAfter(ok, bad, bad, ok, bad, bad))).toBe(true);
    expect(isReady(probeAfter(ok, bad, bad, bad))).toBe(false);
  });

  test('is ready exactly when the last success is nearer than the threshold, with any results before it', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (results) => {
        const probe = probeAfter(...results.map((success) => (success ? ok : bad)));
        let ready = false;
        let failures = 0;
        for (const success of results) {
          failures = success ? 0 : failures + 1;
          ready = success || (ready && failures < SETTINGS.failureThreshold);
        }
        expect(isReady(probe)).toBe(ready);
      }),
    );
  });

  test('is first asked after the delay, and then once a period', () => {
    expect(fresh.dueAt).toBe(NOW + 4_000);
    expect(probeAfter(ok).dueAt).toBe(NOW + 10_000);
  });

  test('is asked again after it was started, and not because PVE counts in seconds', () => {
    const known = probeAfter(ok);
    const at = (uptimeMs: number) =>
      probeFor(known, SETTINGS, { guest: { ...guest, uptimeMs }, now: NOW + 60_000 });
    expect(at(61_000)).toBe(known);
    expect(at(59_000)).toBe(known);
    expect(at(20_000)).toMatchObject({ failures: 0, start: NOW + 40_000 });
    expect(at(20_000)).not.toHaveProperty('passes');
  });

  test('counts no failure where the guest was not asked', () => {
    const notAsked = { kind: 'notAsked', why: 'Proxmox VE did not answer.' } as const;
    expect(after(probeAfter(ok), SETTINGS, notAsked, NOW)).toMatchObject({ passes: true, failures: 0 });
    expect(after(fresh, SETTINGS, notAsked, NOW)).not.toHaveProperty('passes');
    expect(after(fresh, SETTINGS, notAsked, NOW).dueAt).toBeGreaterThan(NOW);
  });

  test('says what is the matter, and none of the arguments', () => {
    const kinds = ['silent', 'notConfigured', 'refused', 'forbidden', 'late', 'lost', 'stopped'] as const;
    const notAsked = { kind: 'notAsked', why: 'Proxmox VE did not answer.' } as const;
    const messages = [bad, ...kinds.map((kind) => ({ kind })), notAsked].map(
      (result) => notReadyReason(probeAfter(result), SETTINGS, false)?.message ?? '',
    );
    expect(messages).toEqual([
      expect.stringContaining('exit code 7'),
      expect.stringContaining('does not answer'),
      expect.stringContaining('not enabled'),
      expect.stringContaining('Check that /bin/check exists in the guest'),
      expect.stringContaining('VM.GuestAgent.Unrestricted'),
      expect.stringContaining('timeout'),
      expect.stringContaining('was restarted'),
      expect.stringContaining('not running'),
      expect.stringContaining('Proxmox VE did not answer.'),
    ]);
    expect(messages.join(' ')).not.toContain('s3cret');
  });
});
