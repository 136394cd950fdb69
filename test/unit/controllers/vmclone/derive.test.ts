import { describe, expect, test } from '@jest/globals';
import { derive } from '../../../../controllers/vmclone/derive.ts';
import { newVM } from '../../../../controllers/vmclone/new-vm.ts';
import {
  CLONE_NAME_LABEL,
  CLONE_UID_LABEL,
  VirtualMachine as vmKind,
  VMClone as cloneKind,
  type VirtualMachine,
  type VMCloneTarget,
} from '../../../../src/api/index.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../src/lib/units.ts';
import fc, { type Arbitrary } from '../../../builders/fast-check.ts';
import { aClone, aVirtualMachine } from '../../../builders/objects.ts';
import { specs } from '../../../builders/specs.ts';

const of = (vm: VirtualMachine, target: VMCloneTarget = {}, namespace = 'default') =>
  derive({
    source: { vm, cloneFrom: { vmRef: { name: 'web' } } },
    target,
    from: 'default',
    namespace,
  });

function specOf(...args: Parameters<typeof of>) {
  const derived = of(...args);
  if (!derived.ok) throw new Error(derived.message);
  return derived;
}

function refusalOf(...args: Parameters<typeof of>): string {
  const derived = of(...args);
  if (derived.ok) throw new Error('It was not refused.');
  return derived.message;
}

describe('the spec of a copy', () => {
  test('is that of the source without what only one VM can have, and says so', () => {
    const vm = aVirtualMachine({
      spec: {
        vmid: vmid(100),
        protection: true,
        onBoot: true,
        powerState: 'Off',
        description: 'Web.',
        tags: ['web'],
        placement: { host: nodeName('pve-1'), pool: 'k8s' },
        managementPolicy: 'Paused',
        metaData: { cloudInit: { inline: 'instance-id: one' } },
        networks: [
          {
            name: 'lan',
            vlan: 7,
            mac: '02:00:00:00:00:01',
            staticIP: { address: '192.168.1.9/24', dns: ['192.168.1.1'] },
          },
          { name: 'dmz', ipv6: { address: 'fd00::9/64' } },
          { name: 'mgmt', ipv6: { address: 'auto' } },
        ],
      },
    });
    const { spec, leftOut } = specOf(vm);
    expect(spec).toEqual({
      providerRef: { name: 'pve' },
      classRef: { name: 'small' },
      cloneFrom: { vmRef: { name: 'web' } },
      description: 'Web.',
      onBoot: true,
      tags: ['web'],
      placement: { pool: 'k8s' },
      networks: [{ name: 'lan', vlan: 7 }, { name: 'dmz' }, { name: 'mgmt', ipv6: { address: 'auto' } }],
    });
    expect(leftOut).toEqual([
      'MAC and static addresses of lan, dmz',
      'the name servers that lan had with them',
      'placement.host',
      'protection',
      'managementPolicy',
      'metaData',
    ]);
  });

  test('does not have the network data of the source, which may have its addresses', () => {
    const { spec, leftOut } = specOf(aVirtualMachine({ spec: { networkData: { inline: 'version: 2' } } }));
    expect(spec.networkData).toBeUndefined();
    expect(leftOut).toEqual(['networkData']);
  });

  test('has the disks with the sizes that they have, and imports nothing into them', () => {
    const vm = aVirtualMachine({
      spec: {
        disks: [
          { name: 'root', size: bytes(40 * GiB) },
          { name: 'data', importFrom: 'local:import/data.qcow2', storageClass: 'ceph' },
          { name: 'lost', importFrom: 'local:import/lost.qcow2' },
        ],
      },
      status: { disks: [{ name: 'data', device: 'scsi1', size: '10Gi' }] },
    });
    const { spec, leftOut } = specOf(vm);
    expect(spec.disks).toEqual([
      { name: 'root', size: '40Gi' },
      { name: 'data', storageClass: 'ceph', size: '10Gi' },
    ]);
    expect(leftOut).toEqual(['the entries of disks without a known size (lost)']);
  });

  test('is what the target says instead', () => {
    const vm = aVirtualMachine({ spec: { tags: ['a'], networks: [{ name: 'lan' }] } });
    const networks = [{ name: 'dmz', mac: '02:00:00:00:00:02' }];
    const target = { tags: ['b'], networks, powerState: 'Off', classRef: { name: 'large' } } as const;
    expect(specOf(vm, target).spec).toMatchObject(target);
    expect(specOf(vm, target).leftOut).toEqual([]);
  });

  test.each([
    [{ deletionPolicy: 'Retain' } as const, 'Retain'],
    [{ deletionPolicy: 'Stop', adopt: { vmid: vmid(100) } } as const, 'Stop'],
    [{ deletionPolicy: 'Retain', adopt: { vmid: vmid(100) } } as const, undefined],
  ])('has the deletion policy of the source, but not that of its adoption: %j', (spec, expected) => {
    expect(specOf(aVirtualMachine({ spec })).spec.deletionPolicy).toBe(expected);
  });

  test('has no SSH keys of the source beside Ignition or a snippet of the target', () => {
    const vm = aVirtualMachine({ spec: { sshKeysSecretRef: { name: 'keys' } } });
    for (const userData of [
      { ignition: { inline: '{}' } },
      { cloudInit: { snippet: 'local:snippets/a.yaml' } },
    ]) {
      const { spec, leftOut } = specOf(vm, { userData });
      expect(spec.sshKeysSecretRef).toBeUndefined();
      expect(leftOut).toEqual(['sshKeysSecretRef']);
    }
    expect(
      specOf(vm, { userData: { cloudInit: { inline: '#cloud-config' } } }).spec.sshKeysSecretRef,
    ).toEqual({
      name: 'keys',
    });
  });

  test('is refused where the target does not go with the source', () => {
    const vm = aVirtualMachine({ spec: { userData: { ignition: { inline: '{}' } } } });
    expect(refusalOf(vm, { sshKeysSecretRef: { name: 'keys' } })).toBe(
      'spec.target does not go with the spec of VirtualMachine default/web: spec must not have both sshKeysSecretRef and userData.ignition: add the keys to the Ignition configuration. Correct spec.target.',
    );
  });
});

describe('the spec of a copy in another namespace', () => {
  const secret = { cloudInit: { secretRef: { name: 'data' } } };

  test('names the namespaces of what it refers to', () => {
    const vm = aVirtualMachine({ spec: { providerRef: { name: 'pve', namespace: 'team-b' } } });
    expect(specOf(vm, {}, 'team-b').spec).toMatchObject({
      providerRef: { name: 'pve' },
      classRef: { name: 'small', namespace: 'default' },
    });
    expect(specOf(vm, { classRef: { name: 'large' } }, 'team-b').spec.classRef).toEqual({
      name: 'large',
      namespace: 'default',
    });
  });

  test('is refused where the source has Secrets, unless the target has its own', () => {
    const vm = aVirtualMachine({ spec: { userData: secret, sshKeysSecretRef: { name: 'keys' } } });
    expect(specOf(vm).spec).toMatchObject({ userData: secret, sshKeysSecretRef: { name: 'keys' } });
    expect(refusalOf(vm, {}, 'team-b')).toBe(
      'spec.userData and spec.sshKeysSecretRef of VirtualMachine default/web name Secrets of its namespace, which a VirtualMachine in namespace team-b cannot read. Set spec.target.userData and spec.target.sshKeysSecretRef.',
    );
    const userData = { cloudInit: { inline: '#cloud-config' } };
    expect(refusalOf(vm, { userData }, 'team-b')).toContain('spec.sshKeysSecretRef of VirtualMachine');
    const target = { userData, sshKeysSecretRef: { name: 'ours' } };
    expect(specOf(vm, target, 'team-b').spec).toMatchObject(target);
  });
});

describe('a copy', () => {
  test('has the labels of the source but those by which tools and the operator recognize objects', () => {
    const labels = {
      app: 'web',
      'app.kubernetes.io/instance': 'argo-app',
      'argocd.argoproj.io/instance': 'argo-app',
      'kustomize.toolkit.fluxcd.io/name': 'flux',
      [CLONE_UID_LABEL]: 'of the clone that made the source',
    };
    const annotations = { 'virtrigaud.io/allow-from': '*', 'virtrigaud.io/force-delete': 'true' };
    const vm = aVirtualMachine({ metadata: { labels, annotations } });
    const place = { namespace: 'default', name: 'copy' };
    expect(newVM(aClone(), place, { vm }, specOf(vm).spec)).toEqual({
      ...place,
      labels: { app: 'web', [CLONE_NAME_LABEL]: 'web-clone', [CLONE_UID_LABEL]: 'uid-of-web-clone' },
      spec: specOf(vm).spec,
    });
  });
});

/** As they are read: valid specs only. */
const valid = <T>(arbitrary: Arbitrary<unknown>, parse: (value: unknown) => T | undefined): Arbitrary<T> =>
  arbitrary.map(parse).filter((value): value is Awaited<T> & NonNullable<T> => value !== undefined);

const cloneTarget = (value: unknown): VMCloneTarget | undefined => {
  const { success, data } = cloneKind.spec.safeParse(value);
  return success ? (data.target ?? {}) : undefined;
};

const RUNS = 50;
/** Drawn once for all properties, because most of what is drawn is not valid. */
const given = fc.sample(
  valid(specs['VirtualMachine']!, (value) => vmKind.spec.safeParse(value).data),
  RUNS,
);
const targets = fc.sample(valid(specs['VMClone']!, cloneTarget), RUNS);

const VMID = vmid(987_654_321);

describe('whatever the source and the target are', () => {
  test('the spec is one that the API accepts, or the copy is refused', () => {
    const derived = given.flatMap((spec, i) =>
      ['default', 'team-b'].map((namespace) => of(aVirtualMachine({ spec }), targets[i], namespace)),
    );
    const accepted = derived.filter(({ ok }) => ok);
    expect(accepted.length).toBeGreaterThan(RUNS / 5);
    for (const each of accepted)
      expect(vmKind.spec.safeParse('spec' in each && each.spec).error).toBeUndefined();
  });

  test('without a target, a copy in the same namespace is never refused', () => {
    for (const spec of given) expect(of(aVirtualMachine({ spec }))).toMatchObject({ ok: true });
  });

  test.each([{ adopt: { vmid: VMID }, imageRef: undefined }, { vmid: VMID }])(
    'a copy has nothing that identifies the source: %j',
    (made) => {
      const own = {
        networkData: { inline: 'addresses: [192.0.2.1/24]' },
        metaData: { cloudInit: { inline: 'instance-id: i-192.0.2.1' } },
        networks: [
          { name: 'lan', mac: '02:00:00:00:00:01', ipv6: { address: '2001:db8::1/64' } },
          { name: 'dmz', staticIP: { address: '192.0.2.1/24' } },
        ],
      };
      for (const each of given) {
        const { spec } = specOf(aVirtualMachine({ spec: { ...each, ...made, ...own } }));
        expect(spec.networks).toEqual([{ name: 'lan' }, { name: 'dmz' }]);
        for (const field of ['vmid', 'adopt', 'imageRef']) expect(spec).not.toHaveProperty(field);
        const { userData: _user, description: _text, lifecycle: _hooks, ...rest } = spec;
        expect(JSON.stringify(rest)).not.toMatch(/192\.0\.2\.1|2001:db8|02:00:00|987654321/);
      }
    },
  );

  test('what is taken over reads as in the source', () => {
    for (const spec of given) {
      const copy = vmKind.spec.parse(specOf(aVirtualMachine({ spec })).spec);
      const { startup, maintenanceWindow, lifecycle, rebootPolicy, description, tags, onBoot } = copy;
      expect({ startup, maintenanceWindow, lifecycle, rebootPolicy, description, tags, onBoot }).toEqual({
        startup: spec.startup,
        maintenanceWindow: spec.maintenanceWindow,
        lifecycle: spec.lifecycle,
        rebootPolicy: spec.rebootPolicy,
        description: spec.description,
        tags: spec.tags,
        onBoot: spec.onBoot,
      });
      expect(copy.disks?.map(({ name, size }) => [name, size])).toEqual(
        spec.disks?.filter(({ size }) => size !== undefined).map(({ name, size }) => [name, size]),
      );
    }
  });
});
