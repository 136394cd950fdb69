import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION, KINDS } from '../../../src/api/index.ts';
import { refusals } from '../../fixtures/refusals.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';

let plane: TestPlane;
let api: KubeApi;
beforeAll(async () => {
  plane = await controlPlane();
  api = await kubeApi(plane.kubeconfig);
});
afterAll(() => api.close());

const object = (kind: string, spec: unknown, name = 'x') =>
  JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name }, spec });

describe('the API server refuses', () => {
  test.each(refusals)('$kind: $why, naming $field', async ({ kind, spec, field }) => {
    const { plural } = KINDS.find((each) => each.kind === kind)!;
    const path = `/apis/${API_VERSION}/namespaces/${plane.namespace}/${plural}`;
    const object = { apiVersion: API_VERSION, kind, metadata: { name: 'x' }, spec };
    expect(await api.objection(path, object)).toContain(`${field}: `);
  });

  test('a field that does not exist', async () => {
    const { stderr } = await plane.kubectl(['apply', '-f', '-'], {
      input: object('VMClass', { cpus: 2, memory: '4Gi', sockets: 2 }),
    });
    expect(stderr).toContain('unknown field "spec.sockets"');
  });

  test('more disks than Proxmox VE has devices for', async () => {
    const apply = (count: number) => {
      const others = Array.from({ length: count - 1 }, (_, n) => ({
        name: `disk-${n}`,
        size: '10Gi',
        storageClass: 'ssd-storage',
        importFrom: 'local:import/data.qcow2',
        limits: { readIOPS: 500 },
      }));
      const disks = [{ name: 'root', size: '40Gi' }, ...others];
      const input = object('VirtualMachine', { ...vm, disks });
      return plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input });
    };
    expect(await apply(31)).toMatchObject({ code: 0 });
    expect((await apply(32)).stderr).toContain('spec.disks: Too many: 32: must have at most 31 items');
  });

  const elsewhere = { name: 'other', namespace: 'elsewhere' };
  const vm = { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } };
  describe.each<[string, object, Record<string, unknown>, object]>([
    [
      'VirtualMachine',
      { ...vm, vmid: 777 },
      { providerRef: elsewhere, imageRef: { name: 'other' }, vmid: 778 },
      { vmid: 777 },
    ],
    ['VMSnapshot', { vmRef: { name: 'a' } }, { vmRef: { name: 'other' } }, { snapshotName: 'a' }],
    [
      'VMClone',
      { sourceVMRef: { name: 'a' } },
      { sourceVMRef: elsewhere },
      { targetRef: { name: 'x', namespace: 'default' } },
    ],
  ])('what identifies a %s', (kind, spec, changes, made) => {
    const merge = (name: string, patch: object, ...more: readonly string[]) =>
      plane.kubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify(patch), ...more]);

    test('only once it exists', async () => {
      await plane.succeed(['create', '-f', '-'], { input: object(kind, spec, 'fixed') });
      for (const [field, change] of Object.entries(changes))
        for (const value of [change, new Map<string, unknown>(Object.entries(spec)).get(field)])
          expect(await merge('fixed', { spec: { [field]: value } })).toMatchObject({ code: 0 });
      expect(await merge('fixed', { status: made }, '--subresource=status')).toMatchObject({ code: 0 });
      for (const [field, change] of Object.entries(changes)) {
        const { stderr } = await merge('fixed', { spec: { [field]: change } });
        expect(stderr).toContain(`spec.${field}: Invalid value`);
        expect(stderr).toContain('cannot be changed');
      }
      await plane.succeed(['label', kind, 'fixed', 'still=writable']);
      expect(await merge('fixed', { status: { message: 'x' } }, '--subresource=status')).toMatchObject({
        code: 0,
      });
    });
  });

  test('a VMID that is added to a VM or taken from it once it exists, and another one to adopt', async () => {
    const refused: readonly [string, object, object, string][] = [
      ['added', vm, { vmid: 900 }, 'spec.vmid'],
      ['removed', { ...vm, vmid: 777 }, { vmid: null }, 'spec.vmid'],
      ['unnamed', { ...vm, adopt: { vmid: 300 } }, { imageRef: null }, 'spec.imageRef'],
      ['adopted', { ...vm, adopt: { vmid: 300 } }, { adopt: { vmid: 301 } }, 'spec.adopt.vmid'],
    ];
    for (const [name, spec, change, field] of refused) {
      const patch = (part: object, ...more: readonly string[]) =>
        plane.kubectl(['patch', 'vm', name, '--type=merge', '-p', JSON.stringify(part), ...more]);
      await plane.succeed(['create', '-f', '-'], { input: object('VirtualMachine', spec, name) });
      expect(await patch({ spec: change }, '--dry-run=server')).toMatchObject({ code: 0 });
      await patch({ status: { vmid: 777 } }, '--subresource=status');
      const { stderr } = await patch({ spec: change });
      expect(stderr).toContain(`${field}: Invalid value`);
    }
  });

  test('no selection of VMs by Provider, class, node or phase', async () => {
    const labels = 'selected=by-field';
    for (const [name, change] of [
      ['one', { providerRef: { name: 'one' }, classRef: { name: 'large' } }],
      ['two', { providerRef: { name: 'two' }, classRef: { name: 'large' } }],
    ] as const) {
      const input = object('VirtualMachine', { ...vm, ...change }, name);
      await plane.succeed(['create', '-f', '-'], { input });
      await plane.succeed(['label', 'vm', name, labels]);
      const status = { status: { node: `pve-${name}`, phase: name === 'one' ? 'Running' : 'Pending' } };
      const patch = ['patch', 'vm', name, '--type=merge', '-p', JSON.stringify(status)];
      await plane.succeed([...patch, '--subresource=status']);
    }
    const selected = async (fields: string) =>
      (await plane.succeed(['get', 'vm', '-o', 'name', '-l', labels, '--field-selector', fields]))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('/')[1]);
    expect(await selected('spec.providerRef.name=two')).toEqual(['two']);
    expect(await selected('spec.classRef.name=large')).toEqual(['one', 'two']);
    expect(await selected('status.node=pve-one,status.phase=Running')).toEqual(['one']);
    expect(await selected('status.phase!=Running')).toEqual(['two']);
  });

  test('nothing of a status that says that the operator has not looked yet', async () => {
    await plane.succeed(['create', '-f', '-'], {
      input: object('VMClass', { cpus: 2, memory: '4Gi' }, 'new'),
    });
    const status = await plane.succeed(['get', 'vmclass', 'new', '-o', 'jsonpath={.status}']);
    expect(JSON.parse(status)).toEqual({ observedGeneration: -1 });
  });
});
