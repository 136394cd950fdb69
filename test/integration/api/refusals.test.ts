import { beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION } from '../../../src/api/index.ts';
import { refusals } from '../../fixtures/refusals.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
});

const object = (kind: string, spec: unknown, name = 'x') =>
  JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name }, spec });

describe('the API server refuses', () => {
  test.each(refusals)('$kind: $why, naming $field', async ({ kind, spec, field }) => {
    const { stderr } = await plane.kubectl(['create', '--dry-run=server', '-f', '-'], {
      input: object(kind, spec),
    });
    expect(stderr).toContain(`${field}: `);
  });

  test('a field that does not exist', async () => {
    const { stderr } = await plane.kubectl(['apply', '-f', '-'], {
      input: object('VMClass', { cpus: 2, memory: '4Gi', sockets: 2 }),
    });
    expect(stderr).toContain('unknown field "spec.sockets"');
  });

  const elsewhere = { name: 'a', namespace: 'elsewhere' };
  test.each([
    [
      'VirtualMachine',
      { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } },
      { providerRef: elsewhere, imageRef: { name: 'other' } },
    ],
    ['VMSnapshot', { vmRef: { name: 'a' } }, { vmRef: { name: 'other' } }],
    ['VMClone', { sourceVMRef: { name: 'a' } }, { sourceVMRef: elsewhere }],
  ])('another reference in a %s that exists', async (kind, spec, changes) => {
    await plane.succeed(['create', '-f', '-'], { input: object(kind, spec, 'fixed') });
    for (const [field, change] of Object.entries(changes)) {
      const patch = JSON.stringify({ spec: { [field]: change } });
      const { stderr } = await plane.kubectl(['patch', kind, 'fixed', '--type=merge', '-p', patch]);
      expect(stderr).toContain(`spec.${field}: Invalid value`);
      expect(stderr).toContain('cannot be changed');
    }
    await plane.succeed(['label', kind, 'fixed', 'still=writable']);
  });
});
