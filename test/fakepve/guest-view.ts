import { agentEnabled, cpuCount, memoryMiB, optionProperties } from './guest.ts';
import { bootDisk } from './drives.ts';
import { MIB, parseSize } from './size.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

interface Facts {
  readonly cpus: number;
  readonly maxmem: number;
  readonly maxdisk: number;
  readonly name: string;
  readonly tags: string | undefined;
  /** The result of `staticMembers`. */
  readonly json: string;
}

const deliveryStatus = new WeakMap<Guest, { writes: number; facts: Facts }>();

/** What lists report about a guest; cached until its configuration changes, for clusters with thousands of guests. */
function facts(world: World, guest: Guest): Facts {
  const known = deliveryStatus.get(guest);
  if (known?.writes === guest.writes) return known.facts;
  const hostCpus = world.nodes.get(guest.node)?.cpus ?? 1;
  const fresh = {
    cpus: Math.min(cpuCount(guest.config), hostCpus),
    maxmem: memoryMiB(guest.config) * MIB,
    maxdisk: parseSize(bootDisk(guest.config)?.options['size'] ?? '0') ?? 0,
    name: guest.get('name') ?? `VM ${guest.vmid}`,
    tags: guest.get('tags'),
  };
  const complete = { ...fresh, json: staticMembers(guest, fresh) };
  deliveryStatus.set(guest, { writes: guest.writes, facts: complete });
  return complete;
}

const uptime = (world: World, guest: Guest): number =>
  guest.running ? Math.max(1, Math.round((world.clock.now() - guest.running.since) / 1000)) : 0;

/** Figures of a running guest: plausible, steadily growing, the same for every caller. */
function load(world: World, guest: Guest, { maxmem }: Facts) {
  const seconds = uptime(world, guest);
  return {
    cpu: guest.running ? 0.01 + (guest.vmid % 7) / 100 : 0,
    mem: guest.running ? Math.floor(maxmem / 2) : 0,
    memhost: guest.running ? Math.floor(maxmem / 2) + 40 * MIB : 0,
    netin: seconds * 1200,
    netout: seconds * 800,
    diskread: seconds * 4096,
    diskwrite: seconds * 2048,
    uptime: seconds,
  };
}

const pressure = {
  pressurecpufull: 0,
  pressurecpusome: 0,
  pressureiofull: 0,
  pressureiosome: 0,
  pressurememoryfull: 0,
  pressurememorysome: 0,
};

const qmpStatus = (guest: Guest): string => guest.running?.qmp ?? 'stopped';

/** A row of GET /nodes/N/qemu. */
export function listRow(world: World, guest: Guest): Record<string, unknown> {
  const known = facts(world, guest);
  const { diskread: _read, diskwrite: _write, ...figures } = load(world, guest, known);
  const serial = [...guest.config.keys()].some((key) => /^serial\d+$/.test(key));
  const lock = guest.get('lock');
  return {
    vmid: guest.vmid,
    name: known.name,
    status: guest.running ? 'running' : 'stopped',
    cpus: known.cpus,
    disk: 0,
    maxdisk: known.maxdisk,
    maxmem: known.maxmem,
    ...figures,
    ...(guest.running ? { pid: guest.running.pid, ...pressure } : {}),
    ...(known.tags === undefined ? {} : { tags: known.tags }),
    ...(lock === undefined ? {} : { lock }),
    ...(guest.is('template') ? { template: 1 } : {}),
    ...(serial ? { serial: 1 } : {}),
  };
}

function nics(world: World, guest: Guest): object {
  const keys = [...guest.config.keys()].filter((key) => /^net\d+$/.test(key));
  if (!guest.running || keys.length === 0) return {};
  const { netin, netout } = load(world, guest, facts(world, guest));
  return {
    nics: Object.fromEntries(keys.map((key) => [`tap${guest.vmid}i${key.slice(3)}`, { netin, netout }])),
  };
}

/** The same with `full=1`. */
export const fullRow = (world: World, guest: Guest): Record<string, unknown> => ({
  ...listRow(world, guest),
  ...nics(world, guest),
  qmpstatus: qmpStatus(guest),
});

/** GET status/current. */
export function currentStatus(world: World, guest: Guest): Record<string, unknown> {
  const resource = world.ha.managed(guest.vmid);
  const vga = guest.get('vga');
  return {
    ...fullRow(world, guest),
    ha: resource ? { managed: 1, state: resource.service ?? null } : { managed: 0 },
    ...(agentEnabled(guest.config) ? { agent: 1 } : {}),
    ...(vga === undefined ? {} : { clipboard: optionProperties('vga', vga)['clipboard'] ?? null }),
    ...(vga !== undefined && /^(?:virtio|qxl\d?)/.test(optionProperties('vga', vga)['type'] ?? '')
      ? { spice: 1 }
      : {}),
  };
}

/** The members of an object as JSON, without its braces. */
const members = (row: object): string => JSON.stringify(row).slice(1, -1);

const identity = ({ vmid, node }: Guest): object => ({ id: `qemu/${vmid}`, type: 'qemu', vmid, node });

/** The members of a row in /cluster/resources that follow from the configuration. */
const staticMembers = (guest: Guest, { name, cpus, maxdisk, maxmem, tags }: Omit<Facts, 'json'>): string =>
  members({ ...identity(guest), name, maxcpu: cpus, disk: 0, maxdisk, maxmem, tags });

/** The members that change every second. */
function dynamicMembers(world: World, guest: Guest, known: Facts): string {
  const {
    cpu,
    mem,
    memhost,
    netin,
    netout,
    diskread,
    diskwrite,
    uptime: seconds,
  } = load(world, guest, known);
  return (
    `"status":"${qmpStatus(guest)}","template":${guest.is('template') ? 1 : 0},"cpu":${cpu},"mem":${mem},` +
    `"netin":${netin},"netout":${netout},"diskread":${diskread},"diskwrite":${diskwrite},"uptime":${seconds}` +
    (guest.hasRun ? `,"memhost":${memhost}` : '')
  );
}

/** A row of /cluster/resources as JSON; a list may have ten thousand of them. */
export function resourceJson(world: World, guest: Guest, pool?: string): string {
  const member = pool === undefined ? '' : `,"pool":"${pool}"`;
  if (guest.listedFrom > world.clock.now())
    return `{${members({ ...identity(guest), status: 'unknown' })}${member}}`;
  const known = facts(world, guest);
  const isKept = world.faults.offlineFor(guest.node) < world.wait(world.latency.statisticsKept);
  if (!world.isOnline(guest.node) && !isKept) {
    const { name, tags } = known;
    const row = { ...identity(guest), name, tags, template: guest.is('template') ? 1 : 0, status: 'unknown' };
    return `{${members(row)}${member}}`;
  }
  const lock = guest.get('lock');
  const hastate = world.ha.managed(guest.vmid)?.service;
  const extras = lock === undefined && hastate === undefined ? '' : `,${members({ lock, hastate })}`;
  return `{${known.json},${dynamicMembers(world, guest, known)}${extras}${member}}`;
}

/** The same as an object, for the members of a pool. */
export const resourceRow = (world: World, guest: Guest): Record<string, unknown> =>
  JSON.parse(resourceJson(world, guest)) as Record<string, unknown>;
