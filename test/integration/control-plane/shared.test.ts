import { beforeAll, describe, expect, test } from '@jest/globals';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

describe('the shared control plane', () => {
  let plane: TestPlane;
  beforeAll(async () => {
    plane = await controlPlane();
  });

  test('gives each test file a namespace of its own, where kubectl works by default', async () => {
    await plane.succeed(['create', 'configmap', 'here', '--from-literal=key=value']);
    const namespace = await plane.succeed([
      'get',
      'configmap',
      'here',
      '-o',
      'jsonpath={.metadata.namespace}',
    ]);
    expect(namespace).toBe(plane.namespace);
    const other = await controlPlane();
    expect(other.namespace).not.toBe(plane.namespace);
    expect((await other.kubectl(['get', 'configmap', 'here'])).code).toBe(1);
  });

  test('reports what the API server refuses', async () => {
    const refused = await plane.kubectl(['apply', '-f', '-'], {
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n',
    });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('Not_A_Name');
    await expect(plane.succeed(['get', 'configmap', 'missing'])).rejects.toThrow('"missing" not found');
  });

  test('checks permissions as a real cluster does', async () => {
    const account = `system:serviceaccount:${plane.namespace}:nobody`;
    const denied = await plane.kubectl(['get', 'secrets', `--as=${account}`]);
    expect(denied.stderr).toContain('Forbidden');
    await plane.succeed(['create', 'role', 'reader', '--verb=get,list', '--resource=secrets']);
    await plane.succeed(['create', 'rolebinding', 'reader', '--role=reader', `--user=${account}`]);
    await plane.succeed(['get', 'secrets', `--as=${account}`]);
  });
});
