import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { snapshotsOf } from '../../../../../controllers/virtualmachine/report/snapshots.ts';
import { reportStatus } from '../../../../../controllers/virtualmachine/report/status.ts';
import { VirtualMachine } from '../../../../../src/api/index.ts';
import type { SnapshotRow } from '../../../../../src/pve/index.ts';
import { aClaim, aMark, NOW, seen } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { facts } from '../facts.ts';

const { cluster, namespace } = aMark();
const SNAPSHOT_UID = '0d9a5f7e-1111-4c4c-8d8d-aaaaaaaaaaaa';
const line = (change: Partial<Record<'cluster' | 'namespace' | 'name' | 'uid', string>> = {}): string => {
  const it = { cluster, namespace, name: 'before-upgrade', uid: SNAPSHOT_UID, ...change };
  return `virtrigaud-snapshot: ${it.cluster}/${it.namespace}/${it.name}/${it.uid}`;
};

const row = (name: string, change: Partial<SnapshotRow> = {}): SnapshotRow => ({
  name,
  description: '',
  parent: undefined,
  takenAt: NOW,
  memory: false,
  state: undefined,
  ...change,
});

const reported = (...snapshots: readonly SnapshotRow[]) =>
  snapshotsOf(facts({ have: { listedSnapshots: snapshots, vmSnapshots: [SNAPSHOT_UID] } }), {});

describe('the snapshots in status', () => {
  test('are those of Proxmox VE, whoever took them, the newest first', () => {
    expect(
      reported(
        row('old', { takenAt: NOW - 60_000 }),
        row('new', { takenAt: NOW, parent: 'old', memory: true }),
        row('odd', { takenAt: undefined }),
      ),
    ).toEqual({
      snapshotCount: 3,
      snapshots: [
        { name: 'new', parent: 'old', memory: true, creationTime: new Date(NOW).toISOString() },
        { name: 'old', memory: false, creationTime: new Date(NOW - 60_000).toISOString() },
        { name: 'odd', memory: false },
      ],
    });
  });

  test.each([
    ['with our line', line(), 'before-upgrade'],
    ['with a text above our line', `before the upgrade\n\n${line()}`, 'before-upgrade'],
    ['with another line in its text', `${line({ name: 'other' })}\n\n${line()}`, 'before-upgrade'],
    ['of another Kubernetes cluster', line({ cluster: 'other' }), undefined],
    ['of another namespace', line({ namespace: 'other' }), undefined],
    ['that its VMSnapshot retained', line({ uid: 'of-a-former-one' }), undefined],
    ['without a line', 'before-upgrade', undefined],
  ])('name the VMSnapshot of one %s', (_what, description, expected) => {
    expect(reported(row('a', { description })).snapshots?.[0]?.vmSnapshot).toBe(expected);
  });

  test('stay as they were where they were not read, and go where there are none', () => {
    const before = { snapshots: [{ name: 'a' }], snapshotCount: 1 };
    expect(snapshotsOf(facts(), before)).toEqual(before);
    expect(snapshotsOf(facts({ have: { listedSnapshots: [] } }), before)).toEqual({});
    const status = (have: Parameters<typeof facts>[0]) =>
      reportStatus(aVirtualMachine({ status: before }), facts(have));
    const claim = aClaim({ made: true });
    expect(status({ have: { claim, presence: seen() } })).toMatchObject(before);
    const silent = { kind: 'unknown', message: 'It does not answer.' } as const;
    expect(status({ have: { claim, presence: silent } })).toMatchObject(before);
    expect(status({ have: { claim, presence: { kind: 'absent' } } })).not.toHaveProperty('snapshots');
  });

  test('are accepted by the API server, however many there are', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_-]{1,60}$/);
    const rows = fc.uniqueArray(
      fc.record({
        name,
        description: fc.oneof(fc.string(), fc.constant(line())),
        parent: fc.option(name, { nil: undefined }),
        takenAt: fc.option(fc.integer({ min: 0, max: NOW }), { nil: undefined }),
        memory: fc.boolean(),
        state: fc.constantFrom(undefined, 'prepare', 'delete'),
      }),
      { selector: (each) => each.name, maxLength: 40 },
    );
    fc.assert(
      fc.property(rows, (snapshots) => {
        const status = reported(...snapshots);
        expect(status.snapshotCount ?? 0).toBe(snapshots.length);
        expect(status.snapshots ?? []).toHaveLength(Math.min(snapshots.length, 32));
        expect(VirtualMachine.status.safeParse(status).success).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
