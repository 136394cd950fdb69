import { describe, expect, test } from '@jest/globals';
import { createForceDeleted } from '../../../../controllers/index.ts';
import { claimsOf, reservationsOf } from '../../../../src/cmd/operator/claims.ts';
import type { Provider, VirtualMachine, VMImage } from '../../../../src/api/index.ts';
import type { ObjectReader, Resource } from '../../../../src/runtime/controller.ts';
import type { Watches } from '../../../../src/cmd/operator/watches.ts';
import { vmid } from '../../../../src/lib/units.ts';
import { aDownload, aProvider, aVirtualMachine, readerOf } from '../../../builders/objects.ts';

const watched = <O extends Resource>(...objects: readonly O[]) =>
  ({ cache: readerOf(...objects) }) as { readonly cache: ObjectReader<O> };

const listing = (name: string, clusterID: string, number: number): Provider =>
  aProvider(
    {},
    { name },
    { clusterID, discovered: { count: 2, vms: [{ vmid: number, forceDeleted: true }, { vmid: 900 }] } },
  );

const template = (provider: string, number: number) => ({
  provider,
  vmid: vmid(number),
  state: 'Reserved' as const,
});

test('no VM gets a VMID that another has, or that one had which was deleted by force, in the same PVE cluster', () => {
  const watches = {
    Provider: watched<Provider>(listing('pve', 'homelab/a', 101), listing('other', 'elsewhere/x', 102)),
    VirtualMachine: watched<VirtualMachine>(aVirtualMachine({ status: { vmid: vmid(100) } })),
    VMImage: watched<VMImage>(
      aDownload({}, { templates: [template('default/pve', 105), template('default/other', 106)] }),
    ),
  } as unknown as Watches;
  const forceDeleted = createForceDeleted(() => 0);
  forceDeleted.add('default/pve', { vmid: vmid(103) });
  forceDeleted.add('default/other', { vmid: vmid(104) });
  const reserved = reservationsOf(watches, claimsOf(watches), forceDeleted);
  expect([...reserved({ name: 'homelab', nodes: ['a'], providers: [] })]).toEqual([100, 105, 101, 103]);
});

describe('a server of another namespace that claims the name and the nodes of a PVE cluster', () => {
  const TRUE = { leaf: 'L1', authority: 'ROOT' };
  type Certificate = NonNullable<Provider['status']>['clusterCertificate'];

  /** The VMIDs that are reserved in the cluster of default/pve, if another Provider has a VM, and had one. */
  function reserved(
    theirs: Certificate,
    namespace = 'tenant',
    ours: Certificate | 'unknown' = TRUE,
  ): readonly number[] {
    const connected = (certificate: Certificate) => ({
      clusterID: 'homelab/a',
      ...(certificate && { clusterCertificate: certificate }),
    });
    const discovered = { count: 1, vms: [{ vmid: 300, forceDeleted: true }] };
    const watches = {
      Provider: watched<Provider>(
        aProvider({}, {}, connected(ours === 'unknown' ? undefined : ours)),
        aProvider({}, { namespace, name: 'other' }, { ...connected(theirs), discovered }),
      ),
      VirtualMachine: watched<VirtualMachine>(
        aVirtualMachine({ status: { vmid: vmid(100) } }),
        aVirtualMachine({
          metadata: { namespace, uid: 'theirs' },
          spec: { providerRef: { name: 'other' } },
          status: { vmid: vmid(200) },
        }),
      ),
      VMImage: watched<VMImage>(),
    } as unknown as Watches;
    const claimed = reservationsOf(
      watches,
      claimsOf(watches),
      createForceDeleted(() => 0),
    );
    return [...claimed({ name: 'homelab', nodes: ['a'], providers: ['default/pve'] })];
  }
  const ALL = [100, 200, 300];

  test.each([
    ['another certificate', { leaf: 'L2' }],
    ['one of another authority', { leaf: 'L2', authority: 'OTHER' }],
    ['none', { leaf: '' }],
  ])('and shows %s, reserves no VMIDs there, also after a restart', (_what, certificate) => {
    expect(reserved(certificate)).toEqual([100]);
  });

  test.each([
    ['the same certificate', { leaf: 'L1' }],
    ['one of the same authority, as other nodes have', { leaf: 'L3', authority: 'ROOT' }],
  ])('and shows %s, is that cluster', (_what, certificate) => {
    expect(reserved(certificate)).toEqual(ALL);
  });

  test('reserves them as long as one of the two has not shown its certificate', () => {
    expect(reserved(undefined)).toEqual(ALL);
    expect(reserved({ leaf: 'L2' }, 'tenant', 'unknown')).toEqual(ALL);
  });

  test('reserves them where neither has TLS, which proves nothing', () => {
    expect(reserved({ leaf: '' }, 'tenant', { leaf: '' })).toEqual(ALL);
  });

  test('is that cluster where both are of one namespace, whichever node each of them asks', () => {
    expect(reserved({ leaf: 'L2' }, 'default')).toEqual(ALL);
  });
});
