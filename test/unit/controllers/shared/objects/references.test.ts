import { describe, expect, test } from '@jest/globals';
import { ALLOW_FROM } from '../../../../../src/api/index.ts';
import { allowsFrom, follow, type Reference } from '../../../../../controllers/shared/objects/references.ts';
import { aClass, readerOf } from '../../../../builders/objects.ts';

const there = (annotations: Record<string, string> = {}) =>
  readerOf(aClass({}, { namespace: 'shared', annotations }));
const followed = (reader: ReturnType<typeof there>, reference: Reference) =>
  follow(reader, reference, {
    namespace: 'default',
    kind: 'VMClass',
    field: 'spec.classRef',
    notFound: 'ClassNotFound',
  });

describe('a reference', () => {
  test('means the own namespace unless it says another', () => {
    const reader = readerOf(aClass());
    expect(followed(reader, { name: 'small' }).ok).toBe(true);
    expect(followed(there(), { name: 'small' })).toMatchObject({ ok: false, reason: 'ClassNotFound' });
  });

  test('into another namespace works only if the target allows it', () => {
    const reference = { name: 'small', namespace: 'shared' };
    expect(followed(there(), reference)).toMatchObject({
      reason: 'ReferenceNotAllowed',
      message: expect.stringContaining(`${ALLOW_FROM}: default`),
    });
    expect(followed(there({ [ALLOW_FROM]: 'default' }), reference).ok).toBe(true);
  });

  test('into a namespace that the operator does not watch is refused, even if the target allows it', () => {
    const reader = {
      ...there({ [ALLOW_FROM]: '*' }),
      covers: (namespace: string) => namespace === 'default',
    };
    expect(followed(reader, { name: 'small', namespace: 'shared' })).toMatchObject({
      reason: 'NamespaceNotWatched',
      message: expect.stringContaining('--watch-namespace shared'),
    });
    expect(followed(reader, { name: 'small' })).toMatchObject({ reason: 'ClassNotFound' });
  });

  test('into another namespace does not tell an object that may not be used from one that does not exist', () => {
    const reference = { name: 'small', namespace: 'shared' };
    expect(followed(there(), reference)).toEqual(followed(readerOf(), reference));
  });

  test('to an object that cannot be read says so, to those who may use it', () => {
    const unreadable = (annotations: Record<string, string> = {}) => ({
      ...there(annotations),
      get: () => undefined,
    });
    const reference = { name: 'small', namespace: 'shared' };
    expect(followed(unreadable({ [ALLOW_FROM]: 'default' }), reference)).toMatchObject({
      reason: 'ClassNotFound',
      message: expect.stringContaining('VMClass shared/small cannot be read'),
    });
    expect(followed(unreadable(), reference)).toMatchObject({ reason: 'ReferenceNotAllowed' });
  });

  test('to nothing is answered with the names in that namespace, and no others', () => {
    const reader = readerOf(
      aClass({}, { name: 'medium' }),
      aClass({}, { name: 'small' }),
      aClass({}, { name: 'secret', namespace: 'other' }),
    );
    expect(followed(reader, { name: 'medum' })).toMatchObject({
      message:
        'VMClass default/medum not found; namespace default has medium, small. Create it, or correct spec.classRef; reconciliation resumes by itself.',
    });
    expect(followed(there(), { name: 'big' })).toMatchObject({
      message: expect.stringContaining('VMClass default/big not found; namespace default has no VMClass.'),
    });
  });

  test('into another namespace is answered with the names there that may be used, and no others', () => {
    const reader = readerOf(
      aClass({}, { name: 'medium', namespace: 'shared', annotations: { [ALLOW_FROM]: 'default' } }),
      aClass({}, { name: 'medium-secret', namespace: 'shared' }),
    );
    for (const name of ['medum', 'medium-secret'])
      expect(followed(reader, { name, namespace: 'shared' })).toMatchObject({
        message: expect.stringMatching(
          new RegExp(
            `VMClass shared/${name} does not exist, or may not be used .*, which may use medium there`,
          ),
        ),
      });
  });
});

test.each([
  ['default', true],
  ['a, default ,b', true],
  ['*', true],
  ['a,*', true],
  ['', false],
  ['defaults', false],
  ['def*', false],
])('allow-from "%s" allows the namespace default: %s', (value, allowed) => {
  expect(allowsFrom({ [ALLOW_FROM]: value }, 'default')).toBe(allowed);
});

test('no namespace is allowed without the annotation', () => {
  expect(allowsFrom({}, 'default')).toBe(false);
});

test('a list of namespaces is read once, however many objects name its owner', () => {
  let reads = 0;
  const annotations = {
    get [ALLOW_FROM]() {
      reads += 1;
      return 'a,b';
    },
  };
  for (let n = 0; n < 100; n += 1) expect(allowsFrom(annotations, 'b')).toBe(true);
  expect(reads).toBe(1);
});
