/** The examples for Flux: the order of the Kustomizations, and what the health checks in CEL say of our objects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Environment } from '@marcbachmann/cel-js';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { GROUP, KINDS, VERSION } from '../../../src/api/index.ts';
import { REPORTED } from '../../builders/reported.ts';

const Kustomization = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    dependsOn: z.array(z.object({ name: z.string() })).default([]),
    wait: z.boolean(),
    healthCheckExprs: z
      .array(
        z.strictObject({
          apiVersion: z.string(),
          kind: z.string(),
          inProgress: z.string(),
          failed: z.string(),
          current: z.string(),
        }),
      )
      .default([]),
  }),
});

const file = join(import.meta.dirname, '../../../deploy/flux/kustomizations.yaml');
const all = parseAllDocuments(readFileSync(file, 'utf8')).map((document) =>
  Kustomization.parse(document.toJS()),
);
const checks = all.flatMap(({ spec }) => spec.healthCheckExprs);

const environment = new Environment({ unlistedVariablesAreDyn: true });
const evaluate = (expression: string, object: object): unknown =>
  environment.evaluate(expression, { ...object });

/** As in RFC 0009 of Flux: first the generation, then the three expressions in this order. */
function statusOf(object: object): string {
  const [{ inProgress, failed, current }] = checks as [(typeof checks)[number]];
  const { metadata, status } = object as {
    metadata: { generation: number };
    status: { observedGeneration: number };
  };
  if (metadata.generation !== status.observedGeneration) return 'InProgress';
  if (evaluate(inProgress, object) === true) return 'InProgress';
  if (evaluate(failed, object) === true) return 'Failed';
  return evaluate(current, object) === true ? 'Current' : 'InProgress';
}

describe('the Kustomizations', () => {
  test('wait for what they depend on', () => {
    const names = all.map(({ metadata }) => metadata.name);
    for (const [index, { spec }] of all.entries()) {
      expect(spec.wait).toBe(true);
      expect(spec.dependsOn.map(({ name }) => name)).toEqual(names.slice(Math.max(index - 1, 0), index));
    }
  });

  test('have a health check for a kind that exists', () => {
    expect(checks).toHaveLength(1);
    for (const { apiVersion, kind } of checks) {
      expect(apiVersion).toBe(`${GROUP}/${VERSION}`);
      expect(KINDS.map((each) => each.kind)).toContain(kind);
    }
  });
});

test.each(REPORTED)('a VM $name is $flux', ({ object, flux }) => {
  expect(statusOf(object)).toBe(flux);
});

test('an expression that is not CEL is found', () => {
  expect(() => evaluate('status.conditions.exists(c, c.type = 1)', {})).toThrow();
});
