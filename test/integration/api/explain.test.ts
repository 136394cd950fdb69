import { beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { API_VERSION, GROUP, KINDS, VERSION } from '../../../src/api/index.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
});

interface Schema {
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
}
const Schema: z.ZodType<Schema> = z.object({
  description: z.string().optional(),
  properties: z
    .record(
      z.string(),
      z.lazy(() => Schema),
    )
    .optional(),
  items: z.lazy(() => Schema).optional(),
});
const OpenApi = z.object({ components: z.object({ schemas: z.record(z.string(), Schema) }) });

const unexplained = (schema: Schema, path: string): readonly string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const own = `${path}.${name}`;
    const inner = unexplained(field.items ?? field, own);
    return field.description === undefined || field.description === '' ? [own, ...inner] : inner;
  });

describe('kubectl explain', () => {
  test('has something to say about every field of every kind', async () => {
    const { components } = OpenApi.parse(
      JSON.parse(await plane.succeed(['get', '--raw', `/openapi/v3/apis/${GROUP}/${VERSION}`])),
    );
    for (const { kind } of KINDS) {
      const schema = components.schemas[`io.virtrigaud.infra.${VERSION}.${kind}`];
      expect(Object.keys(schema?.properties ?? {})).toEqual(expect.arrayContaining(['spec', 'status']));
      const { spec, status } = schema!.properties!;
      expect([...unexplained(spec!, `${kind}.spec`), ...unexplained(status!, `${kind}.status`)]).toEqual([]);
    }
  });

  test('shows what we wrote', async () => {
    const explained = await plane.succeed(['explain', `--api-version=${API_VERSION}`, 'vm.spec.powerState']);
    expect(explained.replace(/\s+/g, ' ')).toContain('the guest is asked to shut down');
  });
});

describe('kubectl get', () => {
  test('shows where a VM runs and under which address', async () => {
    const vm = {
      apiVersion: API_VERSION,
      kind: 'VirtualMachine',
      metadata: { name: 'web' },
      spec: { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } },
    };
    const status = {
      phase: 'Running',
      powerState: 'On',
      node: 'pve-node-1',
      vmid: 101,
      ipAddresses: ['192.168.1.100', 'fd00::1'],
    };
    await plane.succeed(['create', '-f', '-'], { input: JSON.stringify(vm) });
    const patch = JSON.stringify({ status });
    await plane.succeed(['patch', 'vm', 'web', '--subresource=status', '--type=merge', '-p', patch]);
    const [, row] = (await plane.succeed(['get', 'vm', 'web'])).split('\n');
    expect(row?.split(/\s+/).slice(0, 6)).toEqual([
      'web',
      'Running',
      'On',
      'pve-node-1',
      '101',
      '192.168.1.100',
    ]);
  });

  test('knows the short names, and all kinds together as virtrigaud', async () => {
    for (const name of ['prov', 'vm', 'vmclass', 'vmimg', 'vmsnap', 'vmclone', 'vmpp', 'virtrigaud']) {
      expect((await plane.kubectl(['get', name])).code).toBe(0);
    }
  });
});
