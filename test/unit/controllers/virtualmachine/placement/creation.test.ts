import { expect, test } from '@jest/globals';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createResolverReader } from '../../../../../controllers/virtualmachine/cloud-init/node-resolver.ts';
import { createBridgeReader } from '../../../../../controllers/virtualmachine/networks/bridges.ts';
import { createTemplateReader } from '../../../../../controllers/virtualmachine/placement/templates.ts';
import type { Pve } from '../../../../../src/pve/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, configOf, NOW } from '../../../../builders/guests.ts';
import { aTemplateRow, aView } from '../../../../builders/views.ts';

test('templates, bridges and the resolver of a node are read once for many VMs, although their Connection is made again', async () => {
  const reads: string[] = [];
  const config = () => {
    reads.push('template');
    return Promise.resolve({
      values: { template: '1', scsi0: 'local-lvm:base-9000-disk-0,size=10G', ostype: 'win11' },
    });
  };
  const network = () => {
    reads.push('bridges');
    return Promise.resolve([{ iface: 'vmbr0' }]);
  };
  const cloudInitNetwork = () => {
    reads.push('resolver');
    return Promise.resolve("version: 1\nconfig:\n- type: nameserver\n  address:\n  - '192.0.2.53'\n");
  };
  const client = { node: () => ({ qemu: () => ({ config, cloudInitNetwork }), network }) } as unknown as Pve;
  const view = aView({ guests: [aTemplateRow()] });
  const connect = () => ({ pve: client, inventory: { view: () => view } }) as unknown as Connection;
  const readTemplate = createTemplateReader(() => NOW);
  const readBridges = createBridgeReader(() => NOW);
  const readResolver = createResolverReader(() => NOW);
  for (let n = 0; n < 3; n += 1) {
    expect(await readTemplate(connect(), vmid(9000), {})).toMatchObject({
      vmid: 9000,
      linkable: true,
      system: { ostype: 'win11' },
    });
    expect(await readBridges(connect(), nodeName('pve-1'), {})).toEqual(new Set(['vmbr0']));
    expect(await readResolver(connect(), aGuest(), {})).toEqual({ dns: ['192.0.2.53'], search: [] });
  }
  expect(reads).toEqual(['template', 'bridges', 'resolver']);
  await readResolver(connect(), aGuest({ config: configOf(aMark(), { searchdomain: 'lan' }) }), {});
  expect(reads.at(-1)).toBe('resolver');
  expect(reads).toHaveLength(4);
});
