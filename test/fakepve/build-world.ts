import { buildConfig, reserve } from './creation.ts';
import { splitVolid } from './drives.ts';
import { powerOn } from './power.ts';
import { renameToBase } from './template.ts';
import { World } from './world.ts';
import type { Cluster, ClusterGuest } from './cluster-file.ts';
import type { Guest } from './guest.ts';
import type { Environment } from './world.ts';

/** Adds a guest as if it had always existed: without a task and without waiting. */
export function placeGuest(world: World, described: ClusterGuest): Guest {
  const { vmid, node, config, template, running, extraInterfaces } = described;
  if (!world.nodes.has(node))
    throw new Error(`guest ${vmid} is on node '${node}', which the cluster does not have`);
  if (world.guests.has(vmid)) throw new Error(`there is a guest ${vmid} already`);
  const built = buildConfig({ world, node, vmid, log: () => undefined }, config);
  const guest = reserve(world, vmid, node, 'create');
  guest.config = built;
  guest.extraInterfaces = extraInterfaces;
  guest.listedFrom = 0;
  if (template) {
    guest.config.set('template', '1');
    renameToBase(world, guest);
  }
  guest.written();
  if (running) powerOn(world, guest);
  return guest;
}

/** ISO images, snippets and the like, without contents. */
function placeFile(world: World, { volume, size }: Cluster['files'][number]): void {
  const { storage: id = '', name = '' } = splitVolid(volume) ?? {};
  const storage = world.storage.get(id);
  const { type, format } = world.storage.parseName(storage, name);
  for (const node of world.nodes.keys())
    if (world.storage.isOn(storage, node))
      world.storage.put(
        {
          ...{ volid: volume, storage: id, name, content: type, format, size, ctime: 0 },
          ...{ vmid: undefined, parent: undefined, data: undefined, snapshots: new Set() },
        },
        node,
      );
}

function placeTokens(world: World, cluster: Cluster): void {
  const { access } = world;
  for (const { id, secret, privsep } of cluster.tokens) {
    const at = id.lastIndexOf('!');
    const [userid, name] = [id.slice(0, at), id.slice(at + 1)];
    if (!access.users.has(userid)) access.addUser(userid);
    const own = { secret: secret ?? world.random.uuid(), privsep, expire: 0, comment: undefined };
    access.tokens.set(id, { id, userid, name, ...own });
  }
}

function placeUsers(world: World, cluster: Cluster): void {
  const { access } = world;
  for (const [role, names] of Object.entries(cluster.roles)) access.roles.set(role, names);
  for (const { id, password, groups } of cluster.users) {
    const user = access.users.get(id) ?? access.addUser(id);
    user.password = password;
    for (const group of groups) user.groups.add(group);
  }
}

function placeAcls(world: World, cluster: Cluster): void {
  for (const { path, role, user, token, group = '', propagate } of cluster.acls) {
    const kind = user !== undefined ? 'user' : token !== undefined ? 'token' : 'group';
    world.access.grant({ path, role, kind, subject: user ?? token ?? group, propagate });
  }
}

/** Builds the world from a cluster description. */
export function buildWorld(cluster: Cluster, environment: Environment): World {
  const world = new World(cluster, environment);
  for (const { path, ...storage } of cluster.storages)
    world.storage.add({ nodes: undefined, ...storage, path: path ?? `/mnt/pve/${storage.id}` });
  placeUsers(world, cluster);
  placeTokens(world, cluster);
  placeAcls(world, cluster);
  for (const file of cluster.files) placeFile(world, file);
  for (const guest of cluster.guests) placeGuest(world, guest);
  for (const { id, comment, vms, storages } of cluster.pools)
    world.pools.set(id, { id, comment, vms: new Set(vms), storages: new Set(storages) });
  for (const [key, value] of Object.entries(cluster.options)) world.options.set(key, value);
  return world;
}
