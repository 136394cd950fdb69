/** Networks: each interface for itself, both families, vnets; two VMs never get one address. */
import { expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { bareTenant, condition, credentials, provider, tenant, vm, vmClass, vmImage } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 7 });

const at = (address: string, more: object = {}) => ({
  networks: [{ name: 'lan', staticIP: { address }, ...more }],
});

test.concurrent(
  'an interface on a bridge that is missing is reported, and the VM can still be restarted',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { networks: [{ name: 'lan' }] }));
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    const networks = [{ name: 'lan' }, { name: 'storage', bridge: 'vmbr77' }];
    await t.patch('vm/web', { spec: { networks, description: 'With storage.', rebootPolicy: 'IfRequired' } });
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Synced');
      expect(is).toBe('Synced=False Different');
      expect(message).toContain('has no bridge vmbr77');
    });
    await soon(() => expect(guest.get('description')).toContain('With storage.'));
    expect(guest.pending.has('net1')).toBe(false);
    await t.annotate('vm/web', { 'virtrigaud.io/restartedAt': new Date().toISOString() });
    await soon(() => expect(tasksDone(t.pve, 'qmstart')).toBe(2));
    await t.ready('vm/web');
    await t.patch('vm/web', { spec: { networks: [{ name: 'lan' }, { name: 'storage', bridge: 'vmbr2' }] } });
    await soon(() => expect(guest.get('net1')).toContain('bridge=vmbr2'));
    await soon(async () => expect(condition(await t.vm('web'), 'Synced').message).not.toContain('vmbr77'));
  },
);

test.concurrent('interfaces come, change and go while the VM runs, each without the others', async () => {
  const t = await tenant(lab.plane);
  const lan = {
    name: 'lan',
    staticIP: { address: '192.168.1.100/24', gateway: '192.168.1.1' },
    ipv6: { address: '2001:db8::100/64', gateway: 'fe80::1' },
    rateLimit: 12.5,
    firewall: true,
  };
  await t.apply(vm('web', { networks: [lan] }));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  expect(guest.get('ipconfig0')).toBe('ip=192.168.1.100/24,gw=192.168.1.1,ip6=2001:db8::100/64,gw6=fe80::1');
  const mac = /virtio=([0-9A-F:]+)/.exec(guest.get('net0') ?? '')?.[1] ?? 'none';
  t.pve.outside.edit(guest.vmid, { net0: `${guest.get('net0') ?? ''},queues=4` });
  const started = guest.running;

  const dmz = { name: 'dmz', vlan: 20, mtu: 1400, linkDown: true };
  await t.apply(vm('web', { networks: [{ ...lan, bridge: 'vmbr2' }, dmz] }));
  await soon(() => {
    expect(guest.get('net1')).toMatch(/bridge=vmbr1/);
    for (const part of ['tag=20', 'mtu=1400', 'link_down=1']) expect(guest.get('net1')).toContain(part);
    expect(guest.get('net0')).toContain('bridge=vmbr2');
  });
  for (const part of [`virtio=${mac}`, 'queues=4', 'rate=12.5', 'firewall=1'])
    expect(guest.get('net0')).toContain(part);
  const net0 = guest.get('net0');
  const { rateLimit: _, ...unlimited } = lan;

  await t.apply(
    vm('web', {
      networks: [{ ...unlimited, bridge: 'vmbr2' }, { name: 'dmz' }],
    }),
  );
  await soon(() => {
    expect(guest.get('net0')).not.toContain('rate');
    expect(guest.get('net1')).not.toMatch(/tag|link_down|mtu/);
  });
  expect(net0?.replace(',rate=12.5', '')).toBe(guest.get('net0'));

  await t.apply(vm('web', { networks: [{ ...unlimited, bridge: 'vmbr2' }] }));
  await soon(() => expect(guest.get('net1')).toBeUndefined());
  await t.ready('vm/web');
  expect(guest.running).toBe(started);
  expect(guest.get('net0')).toContain(`virtio=${mac}`);
  const before = changes(t.pve).length;
  await t.lookAgain();
  await t.ready('vm/web');
  expect(changes(t.pve)).toHaveLength(before);
});

test.concurrent(
  'an address belongs to the first, in whatever namespace and through whatever Provider',
  async () => {
    const [t, elsewhere] = await Promise.all([tenant(lab.plane), bareTenant(lab.plane)]);
    await elsewhere.apply(credentials(t.pve), provider(t.pve), vmClass(), vmImage());
    await t.apply(vm('first', at('192.168.1.100/24', { ipv6: { address: '2001:db8::1/64' } })));
    await t.ready('vm/first');
    await elsewhere.ready('provider/pve');
    await elsewhere.apply(
      vm('same', at('192.168.1.100/16')),
      vm('six', { networks: [{ name: 'lan', ipv6: { address: '2001:db8:0:0::1/64' } }] }),
      vm('other', at('192.168.1.101/24')),
    );
    await elsewhere.ready('vm/other');
    for (const name of ['same', 'six'])
      await soon(async () => {
        const { is, message } = condition(await elsewhere.vm(name));
        expect(is).toBe('Ready=False AddressInUse');
        expect(message).toContain('belongs to a VirtualMachine of another namespace');
      });
    expect(
      ownGuests(t.pve)
        .map((guest) => guest.get('name'))
        .toSorted(),
    ).toEqual(['first', 'other']);

    await t.apply(vm('first', at('192.168.1.99/24')));
    await elsewhere.ready('vm/same', 'vm/six');
    await t.delete('vm/first');
  },
);

test.concurrent('a VM is made on the node that has its bridge, whatever room others have', async () => {
  const cluster = shippedCluster('document');
  const nodes = cluster.nodes.map((node) =>
    node.name === 'pve-3' ? { ...node, bridges: [...node.bridges, 'vmbr50'], memory: 16 * 1024 ** 3 } : node,
  );
  const t = await tenant(lab.plane, { cluster: { ...cluster, name: 'one-bridge', nodes } });
  await t.apply(vm('web', { networks: [{ name: 'lan', bridge: 'vmbr50' }] }));
  await t.ready('vm/web');
  expect(guestNamed(t.pve, 'web').node).toBe('pve-3');
});

test.concurrent(
  'a vnet is used like a bridge, and a bridge that is missing is reported before anything is made',
  async () => {
    const t = await tenant(lab.plane, {
      cluster: { ...shippedCluster('document'), name: 'with-sdn', vnets: { tenant1: 'zone1' } },
    });
    await t.apply(
      vm('web', { networks: [{ name: 'lan', bridge: 'tenant1' }] }),
      vm('lost', { networks: [{ name: 'lan', bridge: 'vmbr77' }] }),
    );
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').get('net0')).toContain('bridge=tenant1');
    await soon(async () => {
      const { is, message } = condition(await t.vm('lost'));
      expect(is).toBe('Ready=False BridgeNotFound');
      expect(message).toContain('"vmbr77"');
      expect(message).toMatch(/Bridges there are vmbr0, vmbr1, vmbr2, tenant1\./);
    });
    expect(ownGuests(t.pve)).toHaveLength(1);
    await t.apply(vm('lost', { networks: [{ name: 'lan', bridge: 'vmbr1' }] }));
    await t.ready('vm/lost');
  },
);

test.concurrent('networks that are given later replace what the VM was made with', async () => {
  const cluster = shippedCluster('document');
  const guests = cluster.guests.map((guest) =>
    guest.vmid === 9000 ? { ...guest, config: { ...guest.config, net1: 'virtio,bridge=vmbr1' } } : guest,
  );
  const t = await tenant(lab.plane, { cluster: { ...cluster, name: 'two-nics', guests } });
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  expect(guest.get('net1')).toContain('bridge=vmbr1');
  await t.apply(vm('web', { networks: [{ name: 'lan' }] }));
  await soon(() => expect(guest.get('net1')).toBeUndefined());
  // Server-side apply drops an empty list.
  await t.patch('vm/web', { spec: { networks: [] } });
  await soon(() => expect(guest.get('net0')).toBeUndefined());
  await t.ready('vm/web');
});
