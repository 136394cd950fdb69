import { showConfig } from './pending.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

function guests(world: World): readonly object[] {
  return [...world.guests.values()].map((guest: Guest) => ({
    vmid: guest.vmid,
    node: guest.node,
    status: guest.running?.qmp ?? 'stopped',
    addresses: Object.fromEntries(guest.running?.addresses ?? []),
    config: showConfig(guest.config),
    pending: showConfig(guest.pending),
    pendingDelete: [...guest.pendingDelete.keys()],
    snapshots: [...guest.snapshots.values()].map(({ name, config }) => ({
      name,
      parent: config.get('parent') ?? null,
      config: showConfig(config),
    })),
  }));
}

function volumes({ storage, nodes, localNode }: World): readonly object[] {
  return [...storage.storages.values()].flatMap((each) =>
    (each.shared ? [localNode.name] : [...nodes.keys()]).flatMap((node) =>
      storage.list(each, node).map(({ data, snapshots, ...volume }) => ({
        ...volume,
        ...(each.shared ? {} : { node }),
        bytes: data?.length ?? null,
        snapshots: [...snapshots],
      })),
    ),
  );
}

/** Users, tokens, roles and ACLs, without secrets. */
function access({ access: known }: World): object {
  return {
    users: [...known.users.values()].map(({ password: _, groups, ...user }) => ({
      ...user,
      groups: [...groups],
    })),
    roles: Object.fromEntries(known.roles),
    tokens: [...known.tokens.values()].map(({ secret: _, ...token }) => token),
    acls: known.list(),
  };
}

/** The complete state of the fake, as plain data. */
export function describeWorld(world: World): object {
  return {
    time: world.clock.now(),
    nodes: [...world.nodes.values()].map((node) => ({
      ...node,
      bridges: [...node.bridges],
      online: world.isOnline(node.name),
    })),
    storages: [...world.storage.storages.values()],
    guests: guests(world),
    volumes: volumes(world),
    tasks: world.tasks.list(),
    pools: [...world.pools.values()].map((pool) => ({
      ...pool,
      vms: [...pool.vms],
      storages: [...pool.storages],
    })),
    ha: {
      resources: [...world.ha.resources.values()],
      rules: [...world.ha.rules.values()].map(({ rule, options }) => ({
        rule,
        ...Object.fromEntries(options),
      })),
    },
    access: access(world),
    options: Object.fromEntries(world.options),
    faults: world.faults.list(),
  };
}
