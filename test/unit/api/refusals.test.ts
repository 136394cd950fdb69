import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../src/api/index.ts';
import { refusals } from '../../fixtures/refusals.ts';

const asField = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (field, key) => (typeof key === 'number' ? `${field}[${key}]` : `${field}.${String(key)}`),
    'spec',
  );

describe('a spec is refused for', () => {
  test.each(refusals)('$kind: $why, naming $field', ({ kind, spec, field }) => {
    const { error } = KINDS.find((k) => k.kind === kind)!.spec.safeParse(spec);
    expect(error?.issues.map((issue) => asField(issue.path))).toEqual([field]);
  });
});
