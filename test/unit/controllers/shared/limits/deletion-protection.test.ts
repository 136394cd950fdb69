import { describe, expect, test } from '@jest/globals';
import {
  createDeletionLog,
  holdOf,
  type DeletionLog,
} from '../../../../../controllers/shared/limits/deletion-protection.ts';
import { CONFIRM_DELETIONS, FORCE_DELETE, type VirtualMachine } from '../../../../../src/api/index.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import fc from '../../../../builders/fast-check.ts';
import { aProvider, aVirtualMachine } from '../../../../builders/objects.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const SECOND = 1000;
/** When it is known how many were deleted. */
const LATER = NOW + 10 * SECOND;
const iso = (at: number): string => new Date(at).toISOString();

const deleted = (n: number, at = NOW, change: Partial<VirtualMachine['spec']> = {}): VirtualMachine => {
  const vm = aVirtualMachine({ spec: change, status: { vmid: vmid(100 + n) } });
  return { ...vm, metadata: { ...vm.metadata, uid: `uid-${n}`, deletionTimestamp: iso(at) } };
};
const many = (count: number, at = NOW): VirtualMachine[] =>
  Array.from({ length: count }, (_each, n) => deleted(n, at));

interface Situation {
  readonly confirmed?: number;
  readonly since?: number;
  readonly log?: DeletionLog;
  readonly now?: number;
  readonly max?: number | undefined;
}

function isHeld(vm: VirtualMachine, vms: readonly VirtualMachine[], situation: Situation = {}): boolean {
  const { confirmed, since, now = LATER, log = createDeletionLog(() => now) } = situation;
  const max = 'max' in situation ? situation.max : 3;
  const protectedBy = aProvider(max === undefined ? {} : { deletionProtection: { maxPerMinute: max } });
  const annotations = confirmed === undefined ? {} : { [CONFIRM_DELETIONS]: iso(confirmed) };
  const provider = {
    ...protectedBy,
    metadata: { ...protectedBy.metadata, annotations },
    status: since === undefined ? {} : { deletionsHeldSince: iso(since) },
  };
  return holdOf(vm, { provider, vms, log, now })?.because === 'tooMany';
}

describe('deletions of VMs', () => {
  test('go on as long as there are no more than the limit within a minute', () => {
    const vms = many(3);
    expect(vms.map((vm) => isHeld(vm, vms))).toEqual([false, false, false]);
  });

  test('all wait where there are more', () => {
    const vms = many(4);
    expect(vms.map((vm) => isHeld(vm, vms))).toEqual([true, true, true, true]);
  });

  test('wait a few seconds, so that one of many is not ahead of the others', () => {
    const hold = (now: number) => {
      const provider = { ...aProvider({ deletionProtection: { maxPerMinute: 3 } }), status: {} };
      return holdOf(deleted(1), { provider, vms: [deleted(1)], log: createDeletionLog(() => now), now });
    };
    expect(hold(NOW + 2 * SECOND)).toEqual({ because: 'recent', forMs: 3 * SECOND });
    expect(hold(NOW + 5 * SECOND)).toBeUndefined();
    // The clock of the API server is ahead, by less or by more than can be waited for.
    expect(hold(NOW - 60 * SECOND)).toEqual({ because: 'recent', forMs: 10 * SECOND });
    expect(hold(NOW - 3_600 * SECOND)).toBeUndefined();
  });

  test('are not limited where the Provider does not say so', () => {
    const vms = many(400);
    expect(vms.some((vm) => isHeld(vm, vms, { max: undefined }))).toBe(false);
  });

  test('that are spread over more than a minute each go on', () => {
    const vms = [0, 1, 2, 3].map((n) => deleted(n, NOW + n * 21 * SECOND));
    expect(vms.some((vm) => isHeld(vm, vms))).toBe(false);
  });

  test('count also where the objects are gone already, as with one deletion after another', () => {
    const log = createDeletionLog(() => LATER);
    expect([0, 1, 2].map((n) => isHeld(deleted(n), [deleted(n)], { log }))).toEqual([false, false, false]);
    expect(isHeld(deleted(3), [deleted(3)], { log })).toBe(true);
    const later = createDeletionLog(() => NOW + 61 * SECOND);
    expect(isHeld(deleted(4, NOW + 61 * SECOND), [], { log: later, now: NOW + 61 * SECOND })).toBe(false);
  });

  test('that came before a restart wait after it, with what the objects say alone', () => {
    const vms = many(4);
    const now = NOW + 3_600 * SECOND;
    expect(isHeld(vms[0]!, vms, { now })).toBe(true);
  });

  test('wait one by one once any wait', () => {
    const vm = deleted(1, NOW + 3_600 * SECOND);
    expect(isHeld(vm, [vm], { now: NOW + 3_600 * SECOND, since: NOW })).toBe(true);
  });

  test('that are confirmed go on, and later ones wait', () => {
    const vms = [...many(4), deleted(9, NOW + 2 * SECOND)];
    const situation = { confirmed: NOW + SECOND, since: NOW, now: NOW + 5 * SECOND };
    expect(vms.map((vm) => isHeld(vm, vms, situation))).toEqual([false, false, false, false, true]);
  });

  test('are not confirmed by a time in the future, which would switch the protection off', () => {
    const vms = many(4);
    expect(isHeld(vms[0]!, vms, { confirmed: NOW + 3_600 * SECOND })).toBe(true);
    expect(isHeld(vms[0]!, vms, { confirmed: NOW + 60 * SECOND })).toBe(false);
  });

  test('say why a confirmation has no effect', () => {
    const vms = many(4);
    const said = (at: string) => {
      const base = aProvider({ deletionProtection: { maxPerMinute: 3 } });
      const metadata = { ...base.metadata, annotations: { [CONFIRM_DELETIONS]: at } };
      const hold = holdOf(vms[0]!, {
        ...{ provider: { ...base, metadata, status: {} }, vms, now: LATER },
        log: createDeletionLog(() => LATER),
      });
      return hold?.because === 'tooMany' ? (hold.confirmation ?? '') : '';
    };
    expect(said('soon')).toContain('"soon" confirms nothing');
    expect(said(iso(NOW + 3_600 * SECOND))).toContain('in the future');
    expect(said(iso(NOW - SECOND))).toContain('requested until then');
  });

  test.each<[string, VirtualMachine]>([
    ['keeps its guest', deleted(3, NOW, { deletionPolicy: 'Retain' })],
    ['is only observed, so that its guest stays', deleted(3, NOW, { managementPolicy: 'ObserveOnly' })],
    ['never had a guest', { ...deleted(3), status: {} }],
    [
      'leaves it behind by force',
      {
        ...deleted(3),
        metadata: { ...deleted(3).metadata, annotations: { [FORCE_DELETE]: 'true' } },
      },
    ],
    ['is not being deleted', aVirtualMachine({ status: { vmid: vmid(103) } })],
  ])('do not count where one %s, and it does not wait', (_what, vm) => {
    const vms = [...many(3), vm];
    expect(isHeld(vms[0]!, vms)).toBe(false);
    expect(isHeld(vm, [...many(9), vm])).toBe(false);
  });
});

test('whatever is deleted, and however often the operator restarts: never more than the limit go on within a minute', () => {
  const events = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ after: fc.integer({ min: 0, max: 40 }), ends: fc.boolean() }) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    ),
    { maxLength: 40 },
  );
  let held = 0;
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 5 }), (all, max) => {
      let now = NOW;
      let log = createDeletionLog(() => now);
      let since: number | undefined;
      let vms: VirtualMachine[] = [];
      let restartedAt = -Infinity;
      const through: number[] = [];
      for (const [n, event] of all.entries()) {
        if (event === 'restart') {
          log = createDeletionLog(() => now);
          restartedAt = now;
          continue;
        }
        now += event.after * SECOND;
        const vm = deleted(n, now - 6 * SECOND);
        vms = [...vms, vm];
        const waits = isHeld(vm, vms, { log, now, max, ...(since !== undefined && { since }) });
        if (waits) since ??= now;
        else {
          through.push(now);
          if (event.ends) vms = vms.filter((each) => each !== vm);
        }
        held += Number(waits);
        const recent = through.filter((at) => at > restartedAt && at >= now - 60 * SECOND);
        expect(recent.length).toBeLessThanOrEqual(max);
        if (since !== undefined) expect(waits).toBe(true);
      }
    }),
  );
  expect(held).toBeGreaterThan(50);
});
