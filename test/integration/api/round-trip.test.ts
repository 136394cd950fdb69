import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { API_VERSION, KINDS } from '../../../src/api/index.ts';
import { structural } from '../../../hack/generate/crds.ts';
import { around, leavesOf, withField } from '../../builders/from-schema.ts';
import { specs } from '../../builders/specs.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
});

const OBJECTS = 80;
const VALUES_OF_A_FIELD = 2;
/** Of a kind with few fields more values are tried: some must be accepted. */
const VALUES = 40;

/** Which of the specs the API server refuses; asked in one request, distinguished by name. kubectl's own checks come before that, and are left out. */
async function refusedBy(kind: string, candidates: readonly unknown[]): Promise<ReadonlySet<number>> {
  const items = candidates.map((spec, i) => ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name: `x${i}` },
    spec,
  }));
  const { stderr, code } = await plane.kubectl(
    ['create', '--dry-run=server', '--validate=ignore', '-f', '-'],
    {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    },
  );
  const refused = new Set([...stderr.matchAll(/"x([0-9]+)" is invalid/g)].map(([, i]) => Number(i)));
  expect(
    stderr.split('\n').filter((line) => line.startsWith('Error') && !line.includes('is invalid')),
  ).toEqual([]);
  expect(code === 0).toBe(refused.size === 0);
  return refused;
}

describe.each(KINDS)('zod and the API server agree about $kind', ({ kind, spec: schema }) => {
  test('whatever the spec', async () => {
    const seed = Date.now();
    const candidates = fc.sample(specs[kind]!, { numRuns: OBJECTS, seed });
    const refused = await refusedBy(kind, candidates);
    const disagreements = candidates
      .map((spec, i) => ({ spec, zod: schema.safeParse(spec).success, server: !refused.has(i) }))
      .filter(({ zod, server }) => zod !== server);
    expect({ seed, disagreements }).toEqual({ seed, disagreements: [] });
    // Neither side may agree by refusing everything.
    expect(refused.size).toBeLessThan(OBJECTS);
  });

  test('around the bounds of every field', async () => {
    const seed = Date.now();
    const whole = structural(schema.describe('Desired state.'), kind);
    const leaves = leavesOf(whole);
    const numRuns = Math.max(VALUES_OF_A_FIELD, Math.ceil(VALUES / leaves.length));
    const candidates = leaves.flatMap(({ path, schema: leaf }) =>
      fc.sample(withField(whole, path, around(leaf)), { numRuns, seed }),
    );
    const refused = await refusedBy(kind, candidates);
    // The operator must be able to read whatever is stored; that it is as strict is the test before.
    const unreadable = candidates.filter((spec, i) => !refused.has(i) && !schema.safeParse(spec).success);
    expect({ seed, unreadable }).toEqual({ seed, unreadable: [] });
    expect(refused.size).toBeLessThan(candidates.length);
  });
});
