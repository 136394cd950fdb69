import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import {
  createAdmissions,
  withdrawingUnused,
} from '../../../../../controllers/virtualmachine/resolve/admissions.ts';
import type { ProviderSpec } from '../../../../../src/api/index.ts';
import {
  exceededBy,
  refusedByQuota,
  type Member,
} from '../../../../../controllers/virtualmachine/resolve/quota.ts';
import { bytes, GiB, vmid } from '../../../../../src/lib/units.ts';
import {
  aClass,
  aProvider,
  aVirtualMachine,
  readerOf,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';
import { settled } from '../../../../../src/runtime/outcome.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';

type Quotas = NonNullable<NonNullable<ProviderSpec['grants']>[number]['quotas']>;

const provider = (quotas: Quotas) =>
  aProvider({ grants: [{ namespaces: { names: ['team-a', 'team-b'] }, quotas }] }, { namespace: 'infra' });

const vm = (name: string, change: VirtualMachineChange = {}) =>
  aVirtualMachine({
    ...change,
    metadata: {
      name,
      uid: name,
      namespace: 'team-a',
      creationTimestamp: `2026-01-01T00:00:0${name}Z`,
      ...change.metadata,
    },
    spec: { classRef: { name: 'small', namespace: 'infra' }, ...change.spec },
  });
const MADE = { vmid: vmid(101), name: 'vm', cpus: 2, memory: '2Gi' };

function refusals(quotas: Quotas, ...vms: readonly ReturnType<typeof vm>[]) {
  const ports = {
    classes: readerOf(
      aClass({}, { namespace: 'infra' }),
      aClass({ cpus: 8, maxMemory: bytes(64 * GiB) }, { name: 'large', namespace: 'infra' }),
    ),
    vmsOfProvider: () => vms,
    admissions: createAdmissions(() => 0),
    namespaces: NO_NAMESPACES,
  };
  return vms.map((each) => refusedByQuota(each, provider(quotas), ports)?.reason ?? 'admitted');
}

const quotaPorts = (vms: readonly ReturnType<typeof vm>[]) => ({
  classes: readerOf(aClass({}, { namespace: 'infra' })),
  vmsOfProvider: () => vms,
  admissions: createAdmissions(() => 0),
  namespaces: NO_NAMESPACES,
});

describe('a quota', () => {
  test('admits the older objects, of all namespaces that share it', () => {
    const other = vm('2', { metadata: { namespace: 'team-b' } });
    expect(refusals({ vms: 2 }, vm('3'), other, vm('1'))).toEqual(['QuotaExceeded', 'admitted', 'admitted']);
  });

  test.each([
    [{ cpus: 4 }, ['admitted', 'admitted', 'QuotaExceeded']],
    [{ memory: bytes(2 * GiB) }, ['admitted', 'QuotaExceeded', 'QuotaExceeded']],
    [{ vms: 0 }, ['QuotaExceeded', 'QuotaExceeded', 'QuotaExceeded']],
    [{ vms: 9 }, ['admitted', 'admitted', 'admitted']],
  ])('of %j limits that', (quotas, expected) => {
    expect(refusals(quotas, vm('1'), vm('2'), vm('3'))).toEqual(expected);
  });

  test('does not count other namespaces, nor a VM that is deleted before it has a VMID', () => {
    const deleted = vm('1', { metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } });
    const elsewhere = vm('2', { metadata: { namespace: 'infra' } });
    expect(refusals({ vms: 1 }, vm('3'), deleted, elsewhere)[0]).toBe('admitted');
  });

  test('leaves a VM alone that exists, also when it is lowered, but does not let it grow', () => {
    const large = { classRef: { name: 'large', namespace: 'infra' } };
    expect(refusals({ vms: 0, cpus: 1 }, vm('1', { status: MADE }))).toEqual(['admitted']);
    expect(refusals({ cpus: 4 }, vm('1', { status: MADE, spec: large }))).toEqual(['QuotaExceeded']);
    expect(refusals({ cpus: 8 }, vm('1', { status: MADE, spec: large }))).toEqual(['admitted']);
  });

  test('counts the memory that a VM can grow to, because the guest decides about the balloon', () => {
    const large = { classRef: { name: 'large', namespace: 'infra' } };
    expect(refusals({ memory: bytes(32 * GiB) }, vm('1', { spec: large }))).toEqual(['QuotaExceeded']);
  });

  test('counts what was admitted before the status in the cache says so', () => {
    const admissions = createAdmissions(() => 0);
    const seen = [vm('2')];
    const ports = {
      classes: readerOf(aClass({}, { namespace: 'infra' })),
      vmsOfProvider: () => seen,
      admissions,
      namespaces: NO_NAMESPACES,
    };
    expect(refusedByQuota(seen[0]!, provider({ vms: 1 }), ports)).toBeUndefined();
    // An older object turns up late.
    seen.push(vm('1'));
    expect(refusedByQuota(seen[1]!, provider({ vms: 1 }), ports)?.reason).toBe('QuotaExceeded');
    expect(refusedByQuota(seen[0]!, provider({ vms: 1 }), ports)).toBeUndefined();
  });
});

describe('a VM that something else keeps from being made', () => {
  const reported = (
    type: string,
    reason: string,
    observedGeneration = 1,
  ): VirtualMachineChange['status'] => ({
    conditions: [
      {
        type,
        status: 'False',
        reason,
        message: 'It is so.',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        observedGeneration,
      },
    ],
  });

  test.each(['NoNodeFits', 'NotGranted', 'TemplateNotFound', 'BelongsToFormerObject'])(
    'because of %s holds no part of a quota, though it is older',
    (reason) => {
      const stuck = vm('1', { status: reported('Ready', reason) });
      const ports = quotaPorts([stuck, vm('2')]);
      expect(refusedByQuota(vm('2'), provider({ vms: 1 }), ports)).toBeUndefined();
    },
  );

  test.each([
    ['QuotaExceeded', 1],
    ['ProviderNotReady', 1],
    // It was edited since.
    ['NotGranted', 0],
  ])('only because of %s, reported for generation %i, keeps its place', (reason, generation) => {
    const waiting = vm('1', { status: reported('Ready', reason, generation) });
    const ports = quotaPorts([waiting, vm('2')]);
    expect(refusedByQuota(vm('2'), provider({ vms: 1 }), ports)?.reason).toBe('QuotaExceeded');
  });

  test('gets no more than is left when it can be made again', () => {
    const stuck = vm('1', { status: reported('Ready', 'NotGranted') });
    const ports = quotaPorts([stuck, vm('2')]);
    expect(refusedByQuota(vm('2'), provider({ vms: 1 }), ports)).toBeUndefined();
    expect(refusedByQuota(stuck, provider({ vms: 1 }), ports)?.reason).toBe('QuotaExceeded');
  });

  test.each([
    [undefined, 'admitted'],
    [101, 'QuotaExceeded'],
  ])('gives back what its pass was admitted for, unless that reserved a VMID (%s)', async (number, other) => {
    const stuck = vm('1', { status: reported('Ready', 'NoNodeFits') });
    const ports = quotaPorts([stuck, vm('2')]);
    const pass = () => {
      expect(refusedByQuota(stuck, provider({ vms: 1 }), ports)).toBeUndefined();
      // Meanwhile it counts.
      expect(refusedByQuota(vm('2'), provider({ vms: 1 }), ports)?.reason).toBe('QuotaExceeded');
      const status = number === undefined ? {} : { vmid: vmid(number) };
      return Promise.resolve({ outcome: settled(), status });
    };
    const controller = withdrawingUnused({ name: 'vm', reconcile: pass }, ports.admissions);
    await controller.reconcile(stuck, {} as never);
    expect(refusedByQuota(vm('2'), provider({ vms: 1 }), ports)?.reason ?? 'admitted').toBe(other);
  });
});

test('all that are admitted together fit, and what is admitted does not depend on who asks', () => {
  const amounts = fc.record({ vms: fc.constantFrom(0, 1), cpus: fc.nat(8), memory: fc.nat(8) });
  const members: fc.Arbitrary<readonly Member[]> = fc
    .array(fc.tuple(amounts, amounts), { maxLength: 8 })
    .map((all) => all.map(([has, wants], n) => ({ uid: `${n}`, order: `${n % 3}${n}`, has, wants })));
  const quotas = fc.record({ vms: fc.nat(6), cpus: fc.nat(30), memory: fc.nat(30).map((n) => bytes(n)) });
  fc.assert(
    fc.property(members, quotas, (all, limits) => {
      const admitted = all.filter(({ uid }) => exceededBy(uid, all, limits) === undefined);
      for (const kind of ['vms', 'cpus', 'memory'] as const) {
        const before = all.reduce((sum, { has }) => sum + has[kind], 0);
        const after = all.reduce(
          (sum, each) =>
            sum + (admitted.includes(each) ? Math.max(each.has[kind], each.wants[kind]) : each.has[kind]),
          0,
        );
        if (after > before) expect(after).toBeLessThanOrEqual(limits[kind]);
      }
      const shuffled = all.toReversed();
      expect(all.map(({ uid }) => exceededBy(uid, shuffled, limits))).toEqual(
        all.map(({ uid }) => exceededBy(uid, all, limits)),
      );
    }),
  );
});
