/**
 * `status.internal.appliedDigest`: which settings the operator applied last. Its input is a versioned projection with names of
 * its own, so that no change inside the operator looks like a changed spec. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired, DesiredNic, Options } from '../model/desired.ts';
import type { DesiredDisk, DesiredRootDisk } from '../model/disks.ts';
import { isNew } from './is-new.ts';
import { cpusOf, inForce, type CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;
type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Increased whenever the result of `projectionOf` changes for the same spec. */
const VERSION = 'v1:';

/** Equal for specs with the same configuration of this guest. It does not cover the contents of Secrets. */
export const specDigest = (want: Wanted, guest: Guest, room: CpuRoom): string =>
  VERSION + sha256Hex(JSON.stringify(projectionOf(want, guest, room), sorted)).slice(0, 16);

/**
 * The digest of the settings that were applied last.
 * @param digest of the settings as they are now. It stands in for a digest of another version, which cannot be
 * compared: unless the spec was edited since the last report, every difference is drift.
 */
export function appliedDigestOf(vm: VirtualMachine, guest: Guest, digest: string): string | undefined {
  const { observedGeneration, internal: { appliedDigest } = {} } = vm.status ?? {};
  if (appliedDigest === undefined || isNew(vm, guest)) return undefined;
  const isComparable = appliedDigest.startsWith(VERSION);
  return isComparable || observedGeneration !== vm.metadata.generation ? appliedDigest : digest;
}

/** Exactly the settings that decide what is written to a guest. The names are part of the version. */
function projectionOf(want: Wanted, guest: Guest, room: CpuRoom): Json {
  const { name, cpus, memory, maxCpus, maxMemory, cpuType } = want;
  const { machine, bios, tpm, rootDisk, root, disks, provisioning, nics, options } = want;
  return {
    name,
    size: { cpus, memory, maxCpus, maxMemory, cpuType },
    reachable: reachableCpus(cpus, guest, room),
    beyondNode: beyondNode(want, room),
    firmware: { machine, bios, tpm },
    rootDisk: { size: rootDisk, ...(root && diskBehaviour(root)) },
    disks: disks?.map(diskOf),
    provisioning,
    nics: nics?.map(nicOf),
    options: options && optionsIn(options),
  };
}

/** What the node lacks is not written. On a node that has it, it is a change of the spec like others. */
function beyondNode({ cpus, memory, maxMemory = memory }: Wanted, room: CpuRoom): Json {
  const { nodeCpus, nodeMemory = Infinity } = room;
  const beyond = [cpus > nodeCpus ? 'cpus' : [], maxMemory > nodeMemory ? 'memory' : []].flat();
  return beyond.length > 0 ? beyond : undefined;
}

/** How many CPUs are possible now changes with a restart, or on another node, without anybody changing the spec. */
function reachableCpus(cpus: number, guest: Guest, { nodeCpus }: CpuRoom): Json {
  const planned = cpusOf(guest.config).ceiling;
  const running = cpusOf(inForce(guest)).ceiling;
  const held = guest.running && running < cpus && planned >= cpus;
  return { cpus: held ? running : cpus, fits: planned <= nodeCpus };
}

function diskBehaviour({ options, storageClass }: DesiredRootDisk): { readonly [key: string]: Json } {
  const { cache, discard, ssd, iothread, limits } = options;
  const { readIOPS, writeIOPS, readMBps, writeMBps } = limits ?? {};
  return {
    storageClass,
    behaviour: { cache, discard, ssd, iothread },
    limits: limits && { readIOPS, writeIOPS, readMBps, writeMBps },
  };
}

const diskOf = (disk: DesiredDisk): Json => {
  const { name, size, importFrom, storage, reclaimPolicy } = disk;
  return { name, size, importFrom, storage, reclaimPolicy, ...diskBehaviour(disk) };
};

function nicOf({ name, bridge, model, vlan, mac, staticIP, ipv6, settings }: DesiredNic): Json {
  return {
    name,
    bridge,
    model,
    vlan,
    mac,
    ipv4: staticIP && { address: staticIP.address, gateway: staticIP.gateway, dns: staticIP.dns },
    ipv6: ipv6 && { address: ipv6.address, gateway: ipv6.gateway },
    mtu: settings?.mtu,
    firewall: settings?.firewall,
    rate: settings?.rate,
    trunks: settings?.trunks,
    linkDown: settings?.link_down,
  };
}

const optionsIn = ({ tags, description, onBoot, protection, startup }: Options): Json => ({
  tags,
  description,
  onBoot,
  protection,
  startup: startup && { order: startup.order, up: startup.up, down: startup.down },
});

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
