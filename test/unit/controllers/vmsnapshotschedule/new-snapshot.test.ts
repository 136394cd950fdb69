import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { nameLabel } from '../../../../controllers/shared/objects/made-by.ts';
import {
  newSnapshot,
  snapshotName,
  templateProblem,
} from '../../../../controllers/vmsnapshotschedule/new-snapshot.ts';
import { VMSnapshot } from '../../../../src/api/index.ts';
import { aSchedule } from './world.ts';

const TIME = Date.parse('2026-03-01T02:00:00Z');
const named = (name: string) => aSchedule({}, { name, uid: `uid of ${name}` });
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

describe('a VMSnapshot of a schedule', () => {
  test('is named after schedule, VM and time, and always the same', () => {
    const name = snapshotName(named('nightly'), 'web-server', TIME);
    expect(name).toMatch(/^nightly-web-server-20260301-0200-[0-9a-f]{10}$/);
    expect(snapshotName(named('nightly'), 'web-server', TIME)).toBe(name);
  });

  test('has a name of its own for each schedule, VM and time, which Kubernetes accepts, also where names are cut', () => {
    const part = fc.constantFrom(
      'a',
      'a.b',
      'a-b',
      'x'.repeat(38),
      'x'.repeat(39),
      `${'x'.repeat(40)}.y`,
      'x'.repeat(253),
    );
    const made = fc.record({ schedule: part, vm: part, minute: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(made, { selector: (each) => JSON.stringify(each), maxLength: 30 }),
        (all) => {
          const names = all.map(({ schedule, vm, minute }) =>
            snapshotName(named(schedule), vm, TIME + minute * 60_000),
          );
          expect(new Set(names).size).toBe(all.length);
          for (const name of names) {
            expect(name).toMatch(NAME);
            expect(name.length).toBeLessThanOrEqual(63);
          }
        },
      ),
    );
  });

  test('of another schedule of the same name has another name', () => {
    const other = aSchedule({}, { uid: 'other' });
    expect(snapshotName(other, 'web', TIME)).not.toBe(snapshotName(aSchedule(), 'web', TIME));
  });

  test('carries the labels of the schedule and of the template, but nothing that GitOps tools track', () => {
    const tracked = {
      'argocd.argoproj.io/tracking-id': 'x',
      'kustomize.toolkit.fluxcd.io/name': 'x',
      'helm.toolkit.fluxcd.io/name': 'x',
      'meta.helm.sh/release-name': 'x',
      'app.kubernetes.io/instance': 'x',
    };
    const lastApplied = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    const made = newSnapshot(
      aSchedule(
        {
          template: {
            labels: { ...tracked, team: 'shop' },
            annotations: { ...tracked, ...lastApplied, 'example.com/purpose': 'nightly' },
          },
        },
        { labels: { ...tracked, app: 'x' }, annotations: { ...tracked, note: 'x' } },
      ),
      'web',
      'name',
    );
    expect(made.labels).toEqual({
      team: 'shop',
      'virtrigaud.io/snapshot-schedule': 'nightly',
      'virtrigaud.io/snapshot-schedule-uid': 'uid-of-nightly',
    });
    expect(made.annotations).toEqual({ 'example.com/purpose': 'nightly' });
    expect(made).not.toHaveProperty('ownerReferences');
  });

  test('has the options of the template, as a user would write them', () => {
    const template = VMSnapshot.spec.pick({
      failureDeadline: true,
      includeMemory: true,
      deletionPolicy: true,
    });
    const options = { failureDeadline: '90m', includeMemory: true, deletionPolicy: 'Retain' };
    const { spec } = newSnapshot(aSchedule({ template: template.parse(options) }), 'web', 'name');
    expect(spec).toEqual({ vmRef: { name: 'web' }, ...options, failureDeadline: '5400s' });
    expect(VMSnapshot.spec.parse(spec)).toMatchObject(template.parse(options));
    expect(newSnapshot(aSchedule(), 'web', 'name').spec).toEqual({ vmRef: { name: 'web' } });
  });

  test('names its schedule in a label even if the name is longer than a label', () => {
    const long = `${'x'.repeat(52)}.${'y'.repeat(80)}`;
    expect(nameLabel('nightly')).toBe('nightly');
    expect(nameLabel(long)).toMatch(/^x{52}-[0-9a-f]{10}$/);
  });

  test.each([
    ['a label of ours', { labels: { 'virtrigaud.io/snapshot-schedule-uid': 'x' } }],
    ['an annotation of ours', { annotations: { 'virtrigaud.io/keep': 'true' } }],
    ['a key with a blank', { annotations: { 'a b': '' } }],
    ['a value that no label can have', { labels: { team: 'a b' } }],
  ])('is not made with %s in the template', (_what, template) => {
    expect(templateProblem(template)).toMatch(/^spec\.template/);
  });

  test('is made with a template that the API server accepts', () => {
    expect(templateProblem(undefined)).toBeUndefined();
    expect(
      templateProblem({ labels: { 'example.com/a': '' }, annotations: { a: 'any text' } }),
    ).toBeUndefined();
  });
});
