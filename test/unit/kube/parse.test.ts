import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { aThing, rawThing, Thing } from './things.ts';
import { VirtualMachine } from '../../../src/api/index.ts';
import { parserOf } from '../../../src/kube/parse.ts';
import { salvage } from '../../../src/kube/salvage.ts';

describe('an object as it comes from the API server', () => {
  test('is typed, with defaults filled in', () => {
    const { key, object, problem } = aThing('a', 1, { status: { made: 3 } });
    expect(key).toBe('ns/a');
    expect(problem).toBeUndefined();
    expect(object).toMatchObject({
      apiVersion: 'infra.virtrigaud.io/v1beta1',
      kind: 'Thing',
      metadata: { generation: 0, finalizers: [], labels: {}, annotations: {} },
      spec: { size: 1, parts: [] },
      status: { made: 3 },
    });
  });

  test('has no status while it has only the one that the API server sets by default', () => {
    const fresh = aThing('a', 1, { status: { observedGeneration: -1 } });
    expect(fresh.problem).toBeUndefined();
    expect(fresh.rawStatus).toBeUndefined();
    expect(fresh.object).not.toHaveProperty('status');
    const status = { observedGeneration: -1, made: 3 };
    expect(aThing('a', 1, { status })).toMatchObject({ rawStatus: status, object: { status: { made: 3 } } });
  });

  test('loses what only takes memory', () => {
    const annotations = {
      'virtrigaud.io/mine': 'yes',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      ...Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`a${n}`, ''])),
    };
    const metadata = { ...rawThing('a', 1).metadata, managedFields: [{ manager: 'kubectl' }], annotations };
    const entry = aThing('a', 1, { metadata });
    expect(entry.metadata.annotations).toEqual({ 'virtrigaud.io/mine': 'yes' });
    expect(entry.metadata).not.toHaveProperty('managedFields');
  });

  test('has a thousand labels at most, of which the API server accepts a hundred thousand', () => {
    const labels = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`l${n}`, '']));
    const entry = aThing('a', 1, { metadata: { ...rawThing('a', 1).metadata, labels } });
    expect(Object.keys(entry.metadata.labels)).toHaveLength(1000);
  });

  test('keeps the whole status next to the typed one, and the conditions in it that can be read', () => {
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Reconciled',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    };
    const status = { made: 1, newer: true, conditions: [ready, { type: 'Odd' }, 'odder'] };
    const entry = aThing('a', 1, { status });
    expect(entry.rawStatus).toEqual(status);
    expect(entry.conditions).toEqual([ready]);
  });

  test('that does not satisfy the schema names every fault, and keeps the rest for its deletion', () => {
    const entry = aThing('a', 1, { spec: { size: 0, owner: { name: 'x', mail: 7 } }, status: { made: 2 } });
    expect(entry.object).toBeUndefined();
    expect(entry.problem).toMatch(/spec\.size: .+; spec\.owner\.mail: .+\.$/);
    expect(entry.salvaged).toBeUndefined(); // there is no thing without a size
    const left = aThing('a', 1, { spec: { size: 2, owner: { name: 'x', mail: 7 } }, status: { made: 2 } });
    expect(left.salvaged).toMatchObject({ spec: { size: 2, owner: { name: 'x' } }, status: { made: 2 } });
  });

  test('whose status cannot be read is not salvaged: the status may name what we made', () => {
    const entry = aThing('a', 1, { status: { made: 'three' } });
    expect(entry.object).toBeUndefined();
    expect(entry.problem).toContain('status.made');
    expect(entry.salvaged).toBeUndefined();
  });

  test('reports only the first of many faults', () => {
    const parts = Array.from({ length: 9 }, () => ({}));
    expect(aThing('a', 1, { spec: { size: 1, parts } }).problem).toMatch(/; and 13 more\.$/);
  });
});

test('a VirtualMachine whose policies cannot be read is not taken for one that has none', () => {
  const policiesOf = (spec: object) => {
    const raw = {
      ...rawThing('a', 1),
      spec: { providerRef: { name: 'p' }, classRef: { name: 'c' }, imageRef: { name: 'i' }, ...spec },
    };
    const { managementPolicy, deletionPolicy } = parserOf(VirtualMachine)(raw).salvaged?.spec ?? {};
    return [managementPolicy, deletionPolicy];
  };
  expect(policiesOf({ deletionPolicy: 'Keep' })).toEqual([undefined, 'Retain']);
  expect(policiesOf({ managementPolicy: 'Off', deletionPolicy: 'Stop' })).toEqual(['ObserveOnly', 'Stop']);
  expect(policiesOf({ powerState: 'Sideways' })).toEqual([undefined, undefined]);
});

describe('salvaging', () => {
  test('takes a list’s bad items and leaves the good', () => {
    const parts = [{ name: 'a', weight: 1 }, { name: 'b' }, { name: 'c', weight: 3 }];
    expect(salvage(Thing.spec, { size: 1, parts })?.value.parts.map(({ name }) => name)).toEqual(['a', 'c']);
  });

  test('ends for any value, with something that the schema accepts or with nothing', () => {
    fc.assert(
      fc.property(
        fc.record({ size: fc.jsonValue(), owner: fc.jsonValue(), parts: fc.jsonValue() }),
        (value) => {
          const left = salvage(Thing.spec, value);
          if (left) expect(Thing.spec.safeParse(left.value).success).toBe(true);
          expect(left !== undefined).toBe(Thing.spec.shape.size.safeParse(value.size).success);
        },
      ),
    );
  });
});
