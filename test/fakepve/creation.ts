import { failure } from './errors.ts';
import { defaultBootOrder, isDrive } from './drives.ts';
import { realize } from './disks.ts';
import { dropFromRules } from './ha-rules.ts';
import { Guest } from './guest.ts';
import { normalOption } from './options.ts';
import type { DiskContext } from './disks.ts';
import type { Config } from './guest.ts';
import type { World } from './world.ts';

const QEMU = '10.1.2';

/** The same SMBIOS settings with a new UUID. */
export const newUuid = (world: World, smbios1: string): string =>
  [
    ...smbios1.split(',').filter((part) => part !== '' && !part.startsWith('uuid=')),
    `uuid=${world.random.uuid()}`,
  ].join(',');

/** Options that every new guest gets. */
export function identity(world: World, node: string): readonly (readonly [string, string])[] {
  return [
    ['meta', `creation-qemu=${QEMU},ctime=${world.seconds(node)}`],
    ['smbios1', `uuid=${world.random.uuid()}`],
    ['vmgenid', world.random.uuid()],
  ];
}

/** Reserves a VMID: it is taken from now on, and the guest is locked until it is complete. */
export function reserve(world: World, vmid: number, node: string, lock: string): Guest {
  const guest = new Guest(vmid, node, new Map([['lock', lock]]));
  guest.listedFrom = world.clock.now() + world.wait(world.latency.statistics);
  world.guests.set(vmid, guest);
  return guest;
}

/** Turns settings into a configuration and creates the disks they request; removes these if one fails. */
export function buildConfig(context: DiskContext, settings: Readonly<Record<string, string>>): Config {
  const { world } = context;
  const config: Config = new Map(identity(world, context.node));
  const before = new Set(world.storage.ofGuest(context.vmid, context.node).map((volume) => volume.volid));
  for (const [key, value] of Object.entries(settings))
    if (!isDrive(key)) config.set(key, normalOption(world, key, value));
  try {
    for (const [key, value] of Object.entries(settings).sort())
      if (isDrive(key)) config.set(key, realize(context, key, value, config));
  } catch (error) {
    for (const volume of world.storage.ofGuest(context.vmid, context.node))
      if (!before.has(volume.volid)) world.storage.remove(volume.volid, context.node);
    throw error;
  }
  if (!config.has('boot')) config.set('boot', defaultBootOrder(config));
  return config;
}

/** Removes every reference to the guest. */
export function forgetGuest(world: World, guest: Guest): void {
  world.guests.delete(guest.vmid);
  for (const pool of world.pools.values()) pool.vms.delete(guest.vmid);
}

/** The purge of a deletion: also removes references in HA, pools and the like. */
export function purge(world: World, vmid: number): void {
  world.ha.resources.delete(`vm:${vmid}`);
  dropFromRules(world, `vm:${vmid}`);
  world.access.forget((acl) => acl.path === `/vms/${vmid}`);
}

export function refuseTaken(world: World, vmid: number, prefix: string): void {
  const other = world.guests.get(vmid);
  if (other) throw failure(`${prefix} VM ${vmid} already exists on node '${other.node}'`);
}
