import { paramError } from '../errors.ts';
import { resourceJson } from '../guest-view.ts';
import { splitList } from '../schema/formats.ts';
import { normalPath } from '../access.ts';
import { callerId } from '../permissions.ts';
import { allowedTags } from '../tag-rights.ts';
import { Call, Json } from '../call.ts';
import type { Routes } from '../call.ts';
import { memoryMiB } from '../guest.ts';
import { GIB, MIB } from '../size.ts';
import type { Storage } from '../storage.ts';
import type { Node, World } from '../world.ts';

/** In PVE 7 the version is `7.4-16`. */
const versionOf = (release: string) => ({
  release,
  repoid: 'd5a4c3b2',
  version: release.startsWith('7.') ? `${release}-16` : `${release}.11`,
});

const isUp = (call: Call, node: Node): boolean => call.world.isMember(node.name);

interface Load {
  readonly running: number;
  readonly mem: number;
}

/** The load of each node, computed once per list. */
function loads(call: Call): ReadonlyMap<string, Load> {
  const found = new Map<string, Load>();
  for (const guest of call.world.guests.values()) {
    if (!guest.running) continue;
    const { running, mem } = found.get(guest.node) ?? { running: 0, mem: 0 };
    found.set(guest.node, { running: running + 1, mem: mem + memoryMiB(guest.config) * MIB });
  }
  return found;
}

function figures(call: Call, node: Node, load: Load | undefined) {
  const { world } = call;
  return {
    cpu: Math.min(1, 0.02 + (load?.running ?? 0) / 200),
    maxcpu: node.cpus,
    mem: Math.min((load?.mem ?? 0) + 2 * GIB, node.memory),
    maxmem: node.memory,
    disk: 5 * GIB,
    maxdisk: 100 * GIB,
    uptime: Math.floor((world.clock.now() - world.startedAt) / 1000) + 3600,
    level: '',
  };
}

function nodeRows(call: Call, extra: object): readonly object[] {
  const running = loads(call);
  return [...call.world.nodes.values()].map((node) => {
    const up = isUp(call, node);
    const status = up ? 'online' : 'offline';
    const hastate = call.world.ha.modes.get(node.name);
    const row = {
      ...{ id: `node/${node.name}`, type: 'node', node: node.name, status, level: '', ...extra },
      ...(hastate === undefined ? {} : { hastate }),
    };
    const shown = up && call.may(`/nodes/${node.name}`, 'Sys.Audit');
    return shown ? { ...figures(call, node, running.get(node.name)), ...row } : row;
  });
}

/** The used space of a storage; for a shared one it is computed once for all nodes. */
function usedOf(call: Call): (storage: Storage, node: string) => number {
  const known = new Map<string, number>();
  const { world } = call;
  return (storage, node) => {
    if (world.faults.isFull(storage.id)) return storage.size;
    if (!storage.shared) return world.storage.used(storage, node);
    const used = known.get(storage.id) ?? world.storage.used(storage, node);
    known.set(storage.id, used);
    return used;
  };
}

function storageRows(call: Call): readonly object[] {
  const { world } = call;
  const used = usedOf(call);
  return [...world.nodes.values()].flatMap((node) =>
    [...world.storage.storages.values()]
      .filter((storage) => world.storage.isOn(storage, node.name))
      .filter((storage) => call.may(`/storage/${storage.id}`, 'Datastore.Audit'))
      .map((storage) => ({
        id: `storage/${node.name}/${storage.id}`,
        type: 'storage',
        storage: storage.id,
        node: node.name,
        plugintype: storage.type,
        content: storage.content.join(','),
        shared: storage.shared ? 1 : 0,
        ...(isUp(call, node)
          ? { status: 'available', disk: used(storage, node.name), maxdisk: storage.size }
          : { status: 'unknown' }),
      })),
  );
}

function resources(call: Call): Json {
  const { world } = call;
  const type = call.get('type');
  const wants = (name: string): boolean => type === undefined || type === name;
  const pools = new Map(
    [...world.pools.values()].flatMap((pool) => [...pool.vms].map((vmid) => [vmid, pool.id])),
  );
  const guests = wants('vm')
    ? [...world.guests.values()]
        .filter((guest) => call.may(`/vms/${guest.vmid}`, 'VM.Audit'))
        .map((guest) => resourceJson(world, guest, pools.get(guest.vmid)))
    : [];
  const nodes = [...world.nodes.values()];
  const others = [
    ...(wants('node') ? nodeRows(call, { 'cgroup-mode': 2 }) : []),
    ...(wants('storage') ? storageRows(call) : []),
    ...(wants('sdn') || type === undefined ? sdnRows(call, nodes) : []),
  ];
  return new Json(`[${[...guests, ...others.map((row) => JSON.stringify(row))].join(',')}]`);
}

/** Builds the long list a few times, so that the first request is as fast as later ones. */
export function warmUp(world: World): void {
  const call = new Call(world, { userid: 'root@pam', token: undefined }, { params: {} });
  for (let i = 0; i < 5; i += 1) resources(call);
}

const sdnRows = (call: Call, nodes: readonly Node[]): readonly object[] =>
  nodes
    .filter(() => call.may('/sdn/zones/localnetwork', 'SDN.Audit'))
    .map((node) => ({
      id: `network/${node.name}/zone/localnetwork`,
      type: 'network',
      network: 'localnetwork',
      'network-type': 'zone',
      node: node.name,
      status: isUp(call, node) ? 'ok' : 'unknown',
    }));

function clusterStatus(call: Call): readonly object[] {
  const { world } = call;
  const rows = [...world.nodes.values()].map((node, index) => ({
    id: `node/${node.name}`,
    type: 'node',
    name: node.name,
    ip: node.ip,
    level: '',
    local: node === world.localNode ? 1 : 0,
    nodeid: world.clusterName === undefined ? 0 : index + 1,
    online: isUp(call, node) ? 1 : 0,
  }));
  if (world.clusterName === undefined) return rows;
  const cluster = { id: 'cluster', type: 'cluster', name: world.clusterName, nodes: rows.length };
  return [{ ...cluster, quorate: world.quorate ? 1 : 0, version: rows.length }, ...rows];
}

function nextid(call: Call): string {
  const asked = call.get('vmid');
  if (asked === undefined) return String(call.world.nextVmid());
  if (call.world.guests.has(Number(asked))) throw paramError({ vmid: `VM ${Number(asked)} already exists` });
  return asked;
}

/** Options that are property strings are returned as objects. */
const inParts = new Set([
  'next-id',
  'migration',
  'ha',
  'bwlimit',
  'crs',
  'notify',
  'replication',
  'tag-style',
  'user-tag-access',
  'u2f',
  'webauthn',
]);

const parts = (value: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    value.split(',').map((part) => [part.split('=')[0] ?? '', part.split('=').slice(1).join('=')] as const),
  );

function options(call: Call): object {
  const { world } = call;
  const shown = (key: string, value: string) => (key === 'description' ? `${value}\n` : value);
  const set = [...world.options].map(
    ([key, value]) => [key, inParts.has(key) ? parts(value) : shown(key, value)] as const,
  );
  return {
    keyboard: 'en-us',
    mac_prefix: 'BC:24:11',
    description: '',
    'allowed-tags': allowedTags(call),
    ...Object.fromEntries(set),
  };
}

function setOptions(call: Call): null {
  const { world, params } = call;
  world.requireSharedFile('datacenter_cfg');
  for (const key of splitList(call.get('delete') ?? '')) world.options.delete(key);
  for (const key of Object.keys(params)) if (key !== 'delete') world.options.set(key, call.text(key));
  return null;
}

const vnetsOf = (call: Call): readonly object[] =>
  [...call.world.vnets]
    .filter(
      ([vnet, zone]) =>
        call.may(`/sdn/zones/${zone}/${vnet}`, 'SDN.Audit') ||
        call.may(`/sdn/zones/${zone}/${vnet}`, 'SDN.Use'),
    )
    .map(([vnet]) => ({ iface: vnet, type: 'vnet', active: 1 }));

function network(call: Call): readonly object[] {
  const type = call.get('type');
  if (type === 'vnet') return vnetsOf(call);
  const withVnets = type === 'any_bridge' || type === 'include_sdn';
  return [...bridgesOf(call, type), ...(withVnets ? vnetsOf(call) : [])];
}

function bridgesOf(call: Call, type: string | undefined): readonly object[] {
  const { world } = call;
  const bridges = [...(world.nodes.get(call.node)?.bridges ?? [])].sort();
  if (type !== undefined && !['bridge', 'any_bridge', 'any_local_bridge', 'include_sdn'].includes(type))
    return [];
  const isSeenByAll = !world.access.privileges.has('SDN.Use');
  return bridges
    .filter(
      (bridge) =>
        isSeenByAll ||
        call.may(`/sdn/zones/localnetwork/${bridge}`, 'SDN.Audit') ||
        call.may(`/sdn/zones/localnetwork/${bridge}`, 'SDN.Use'),
    )
    .map((iface, index) => ({
      iface,
      type: 'bridge',
      active: 1,
      autostart: 1,
      bridge_fd: '0',
      bridge_ports: `eth${index}`,
      bridge_stp: 'off',
      families: ['inet'],
      method: 'static',
      method6: 'manual',
      address: `192.0.2.${10 + index}`,
      cidr: `192.0.2.${10 + index}/24`,
      netmask: '24',
      priority: 4 + index,
    }));
}

function nodeStatus(call: Call): object {
  const { world } = call;
  const node = world.nodes.get(call.node) ?? world.localNode;
  const { mem, maxmem, disk, maxdisk, uptime, cpu } = figures(call, node, loads(call).get(node.name));
  const installed = versionOf(node.pve);
  const kernel = {
    machine: 'x86_64',
    release: '6.17.2-1-pve',
    sysname: 'Linux',
    version: '#1 SMP PREEMPT_DYNAMIC PMX 6.17.2-1',
  };
  return {
    'boot-info': { mode: 'efi' },
    'current-kernel': kernel,
    cpu,
    cpuinfo: {
      cores: node.cpus,
      cpus: node.cpus,
      family: '25',
      flags: 'fpu vme de pse tsc msr pae aes avx avx2',
      hvm: '1',
      mhz: '3000.000',
      model: 'Emulated CPU',
      sockets: 1,
      user_hz: 100,
      vendor: 'AuthenticAMD',
    },
    idle: 0,
    ksm: { shared: 0 },
    kversion: `${kernel.sysname} ${kernel.release} ${kernel.version}`,
    loadavg: ['0.10', '0.15', '0.12'],
    memory: { available: maxmem - mem, free: maxmem - mem, total: maxmem, used: mem },
    pveversion: `pve-manager/${installed.version}/${installed.repoid}`,
    rootfs: { avail: maxdisk - disk, free: maxdisk - disk, total: maxdisk, used: disk },
    swap: { free: 0, total: 0, used: 0 },
    uptime,
    wait: 0,
  };
}

function permissions(call: Call): object {
  const { access } = call.world;
  const who = call.get('userid') ?? callerId(call.caller);
  if (who !== callerId(call.caller)) call.need('/access', 'Sys.Audit');
  const wanted = call.get('path');
  const paths = wanted === undefined ? access.knownPaths() : [normalPath(wanted) ?? wanted];
  const rows = paths.map(
    (path) => [path, Object.fromEntries([...access.permissions(who, path)].sort())] as const,
  );
  return Object.fromEntries(
    rows.filter(([, granted]) => wanted !== undefined || Object.keys(granted).length > 0),
  );
}

export const clusterRoutes: Routes = {
  'GET /version': (call) => versionOf(call.world.release()),
  'GET /nodes/{node}/version': (call) => versionOf(call.world.release(call.node)),
  'GET /nodes': (call) => nodeRows(call, { ssl_fingerprint: call.world.fingerprint }),
  'GET /nodes/{node}': () =>
    ['qemu', 'storage', 'tasks', 'network', 'status', 'version'].map((name) => ({ name })),
  'GET /nodes/{node}/status': nodeStatus,
  'GET /nodes/{node}/network': network,
  'GET /cluster/resources': resources,
  'GET /cluster/status': clusterStatus,
  'GET /cluster/nextid': nextid,
  'GET /cluster/options': options,
  'PUT /cluster/options': setOptions,
  'GET /access/permissions': permissions,
};
