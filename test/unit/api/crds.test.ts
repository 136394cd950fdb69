import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { structuralFaults } from '../../../hack/generate/check-structural.ts';
import { crd, crdFiles, toYaml } from '../../../hack/generate/crds.ts';
import { KINDS, VirtualMachine } from '../../../src/api/index.ts';

describe('a generated CRD', () => {
  test.each(KINDS)('$kind says the same to readers of YAML 1.1 and of YAML 1.2', (kind) => {
    const yaml = toYaml(crd(kind));
    expect(parse(yaml, { version: '1.1' })).toEqual(JSON.parse(JSON.stringify(crd(kind))));
    expect(parse(yaml, { version: '1.2' })).toEqual(JSON.parse(JSON.stringify(crd(kind))));
  });

  test('quotes On, which YAML 1.1 would read as true', () => {
    expect(toYaml(crd(VirtualMachine))).toContain("- 'On'\n");
  });

  test('has one file a kind', () => {
    expect([...crdFiles().keys()]).toContain('crds/infra.virtrigaud.io_virtualmachines.yaml');
    expect(crdFiles().size).toBe(KINDS.length);
  });

  test.each(KINDS)('$kind leaves every default of a field to the controllers', (kind) => {
    expect(toYaml(crd(kind)).match(/^\s*default:.*/gm)).toEqual([expect.stringMatching(/^ {14}default:$/)]);
  });

  test.each(KINDS)('$kind is not observed until the operator says so', (kind) => {
    const [version] = crd(kind).spec.versions;
    const { properties } = version!.schema.openAPIV3Schema;
    expect(properties.status).toMatchObject({
      default: { observedGeneration: -1 },
      properties: { observedGeneration: { minimum: -1, format: 'int64' } },
    });
    expect(kind.status.safeParse(properties.status.default).success).toBe(true);
  });
});

const described = { description: 'A field.' };

describe('a schema that an API server would refuse is found beforehand:', () => {
  test.each([
    ['a union', { ...described, type: 'object', anyOf: [{ type: 'string' }] }, 'anyOf'],
    ['no type', described, 'no type'],
    [
      'a closed object',
      { ...described, type: 'object', additionalProperties: false },
      'forbids unknown fields',
    ],
    ['a lookahead', { ...described, type: 'string', maxLength: 9, pattern: '^(?!x)' }, 'regular expression'],
    [
      'a lookahead in a rule',
      { ...described, type: 'object', 'x-kubernetes-validations': [{ rule: "self.a.matches('(?=x)')" }] },
      'regular expression',
    ],
    [
      'a list without an end',
      { ...described, type: 'array', 'x-kubernetes-list-type': 'atomic' },
      'maxItems',
    ],
    ['a list of no type', { ...described, type: 'array', maxItems: 3 }, 'x-kubernetes-list-type'],
    ['a text without an end', { ...described, type: 'string' }, 'maxLength'],
    ['the bound of JavaScript', { ...described, type: 'integer', maximum: Number.MAX_SAFE_INTEGER }, 'bound'],
    ['a default', { ...described, type: 'boolean', default: true }, 'default'],
    ['no description', { type: 'boolean' }, 'no description'],
  ])('%s', (_name, field, fault) => {
    const schema = { ...described, type: 'object', properties: { field } };
    const faults = structuralFaults(schema, 'spec');
    expect(faults).toEqual([expect.stringMatching(`^spec\\.field .*${fault}`)]);
  });

  test('also in the items of a list', () => {
    const list = { ...described, type: 'array', maxItems: 1, 'x-kubernetes-list-type': 'atomic', items: {} };
    expect(structuralFaults(list, 'spec.list')).toEqual(['spec.list[] has no type']);
  });
});
