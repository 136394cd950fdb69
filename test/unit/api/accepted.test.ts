/** What the API server takes, the operator takes: otherwise it could not read the object, and would leave it unmanaged. */
import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { z } from 'zod';
import { structural } from '../../../hack/generate/crds.ts';
import { KINDS, type Kind } from '../../../src/api/index.ts';
import { rule, duration, quantity, vmidNumber } from '../../../src/api/schema.ts';
import { bytes, MiB } from '../../../src/lib/units.ts';
import { accepted, accepts, around, leavesOf, withField } from '../../builders/from-schema.ts';

const schemaOf = ({ spec, kind }: Kind) => structural(spec.describe('Desired state.'), kind);

describe.each(KINDS)('$kind', (kind) => {
  const schema = schemaOf(kind);

  test('takes every spec that its CRD takes', () => {
    for (const spec of accepted(schema)) expect(kind.spec.safeParse(spec).error).toBeUndefined();
  });

  test.each(leavesOf(schema).map(({ path, schema: leaf }) => [path.join('.'), path, leaf] as const))(
    'takes every value of %s that its CRD takes',
    (_name, path, leaf) => {
      let taken = 0;
      const specs = withField(schema, path, around(leaf));
      fc.assert(
        fc.property(specs, (spec) => {
          if (!accepts(schema, spec)) return;
          taken += 1;
          expect(kind.spec.safeParse(spec).error).toBeUndefined();
        }),
        { numRuns: 25 },
      );
      // Whatever is taken of nothing proves nothing. Of some fields only one value in ten is accepted.
      const more = taken > 0 ? [] : fc.sample(specs, 2_000).filter((spec) => accepts(schema, spec));
      for (const spec of more) expect(kind.spec.safeParse(spec).error).toBeUndefined();
      expect(taken + more.length).toBeGreaterThan(0);
    },
  );
});

describe('a rule that is added to a schema that transforms', () => {
  const least = { cel: 'true', message: 'no', holds: () => true };

  test.each([
    ['a duration', duration],
    ['a duration that may be absent', duration.optional()],
    ['an amount', quantity(bytes(MiB), bytes(4 * MiB))],
    ['a number', vmidNumber],
  ] as const)('keeps the rules of %s', (_what, schema) => {
    const field = (inner: z.ZodType) =>
      structural(z.object({ a: inner.describe('A.') }).describe('All.'), 'x');
    const rulesIn = (json: unknown): number => JSON.stringify(json).split('"rule":').length - 1;
    expect(rulesIn(field(rule(schema, least)))).toBe(rulesIn(field(schema)) + 1);
  });
});
