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

const pathOf = (kind: string, name?: string): string => {
  const { plural } = KINDS.find((each) => each.kind === kind)!;
  const all = `/apis/${API_VERSION}/namespaces/${plane.namespace}/${plural}`;
  return name === undefined ? all : `${all}/${name}`;
};
const object = (kind: string, spec: unknown, name = 'x') => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  spec,
});
const objection = (kind: string, spec: unknown) => api.objection(pathOf(kind), object(kind, spec));
const make = (kind: string, name: string, spec: unknown) =>
  api.apply(pathOf(kind, name), object(kind, spec, name));

describe('the API server refuses', () => {
  test.each(refusals)('$kind: $why, naming $field', async ({ kind, spec, field }) => {
    expect(await objection(kind, spec)).toContain(`${field}: `);
  });

  test('a field that does not exist', async () => {
    expect(await objection('VMClass', { cpus: 2, memory: '4Gi', sockets: 2 })).toContain(
      'unknown field "spec.sockets"',
    );
  });

  test('more disks than Proxmox VE has devices for', async () => {
    const withDisks = (count: number) => {
      const others = Array.from({ length: count - 1 }, (_, n) => ({
        name: `disk-${n}`,
        size: '10Gi',
        storageClass: 'ssd-storage',
        importFrom: 'local:import/data.qcow2',
        limits: { readIOPS: 500 },
      }));
      return objection('VirtualMachine', { ...vm, disks: [{ name: 'root', size: '40Gi' }, ...others] });
    };
    expect(await withDisks(31)).toBeUndefined();
    expect(await withDisks(32)).toContain('spec.disks: Too many: 32: must have at most 31 items');
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
    test('only once it exists', async () => {
      const path = pathOf(kind, 'fixed');
      await make(kind, 'fixed', spec);
      for (const [field, change] of Object.entries(changes))
        for (const value of [change, new Map<string, unknown>(Object.entries(spec)).get(field)])
          expect(await api.patch(path, { spec: { [field]: value } })).toBe(true);
      expect(await api.patch(`${path}/status`, { status: made })).toBe(true);
      for (const [field, change] of Object.entries(changes)) {
        const refused = expect(api.patch(path, { spec: { [field]: change } })).rejects;
        await refused.toThrow(new RegExp(`spec\\.${field}: Invalid value.*cannot be changed`, 's'));
      }
      expect(await api.patch(path, { metadata: { labels: { still: 'writable' } } })).toBe(true);
      expect(await api.patch(`${path}/status`, { status: { message: 'x' } })).toBe(true);
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
      const path = pathOf('VirtualMachine', name);
      await make('VirtualMachine', name, spec);
      expect(await api.patch(`${path}?dryRun=All`, { spec: change })).toBe(true);
      expect(await api.patch(`${path}/status`, { status: { vmid: 777 } })).toBe(true);
      await expect(api.patch(path, { spec: change })).rejects.toThrow(`${field}: Invalid value`);
    }
  });

  test('no selection of VMs by Provider, class, node or phase', async () => {
    const labels = 'selected=by-field';
    for (const [name, change] of [
      ['one', { providerRef: { name: 'one' }, classRef: { name: 'large' } }],
      ['two', { providerRef: { name: 'two' }, classRef: { name: 'large' } }],
    ] as const) {
      await make('VirtualMachine', name, { ...vm, ...change });
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
    await make('VMClass', 'new', { cpus: 2, memory: '4Gi' });
    const made = await api.get(pathOf('VMClass', 'new'));
    expect(JSON.parse(made ?? '')).toMatchObject({ status: { observedGeneration: -1 } });
  });
});
