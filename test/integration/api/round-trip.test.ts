import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { API_VERSION, KINDS } from '../../../src/api/index.ts';
import { structural } from '../../../hack/generate/crds.ts';
import { around, leavesOf, withField } from '../../builders/from-schema.ts';
import { specs } from '../../builders/specs.ts';
import { controlPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';

let namespace: string;
let api: KubeApi;
beforeAll(async () => {
  const plane = await controlPlane();
  namespace = plane.namespace;
  api = await kubeApi(plane.kubeconfig);
});
afterAll(() => api.close());

const OBJECTS = 80;
const VALUES_OF_A_FIELD = 2;
/** Of a kind with few fields more values are tried: some must be accepted. */
const VALUES = 40;

/** Which of the specs the API server refuses. Unknown fields are left out of what is stored, and are no reason. */
async function refusedBy(
  { kind, plural }: (typeof KINDS)[number],
  candidates: readonly unknown[],
): Promise<ReadonlySet<number>> {
  const path = `/apis/${API_VERSION}/namespaces/${namespace}/${plural}`;
  const metadata = { name: 'x' };
  const objections = await Promise.all(
    candidates.map((spec) =>
      api.objection(path, { apiVersion: API_VERSION, kind, metadata, spec }, { unknownFields: 'Ignore' }),
    ),
  );
  const other = objections.filter((each) => each !== undefined && !each.includes('"x" is invalid'));
  expect(other).toEqual([]);
  return new Set(objections.flatMap((each, index) => (each === undefined ? [] : [index])));
}

describe.each(KINDS)('zod and the API server agree about $kind', (ours) => {
  const { kind, spec: schema } = ours;
  test('whatever the spec', async () => {
    const candidates = fc.sample(specs[kind]!, OBJECTS);
    const refused = await refusedBy(ours, candidates);
    const disagreements = candidates
      .map((spec, i) => ({ spec, zod: schema.safeParse(spec).success, server: !refused.has(i) }))
      .filter(({ zod, server }) => zod !== server);
    expect(disagreements).toEqual([]);
    // Neither side may agree by refusing everything.
    expect(refused.size).toBeLessThan(OBJECTS);
  });

  test('around the bounds of every field', async () => {
    const whole = structural(schema.describe('Desired state.'), kind);
    const leaves = leavesOf(whole);
    const numRuns = Math.max(VALUES_OF_A_FIELD, Math.ceil(VALUES / leaves.length));
    const candidates = leaves.flatMap(({ path, schema: leaf }) =>
      fc.sample(withField(whole, path, around(leaf)), numRuns),
    );
    const refused = await refusedBy(ours, candidates);
    // The operator must be able to read whatever is stored; that it is as strict is the test before.
    const unreadable = candidates.filter((spec, i) => !refused.has(i) && !schema.safeParse(spec).success);
    expect(unreadable).toEqual([]);
    expect(refused.size).toBeLessThan(candidates.length);
  });
});
