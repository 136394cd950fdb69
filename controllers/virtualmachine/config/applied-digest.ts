/**
 * `status.internal.applied`: which parts of the settings the operator applied, and as what. Each part has a digest of its
 * own, so that one that waits does not make changes of others in Proxmox VE look like ours. The input of a digest is a
 * versioned projection with names of its own, so that no change inside the operator looks like a changed spec. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { ROOT } from '../disks/slots.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { PartDigests } from '../model/config.ts';
import type { Desired, DesiredDevice, DesiredNic, Hardware, Options } from '../model/desired.ts';
import type { DesiredDisk, DesiredRootDisk } from '../model/disks.ts';
import { BOOT_PART, cdromPart, DEVICES, diskPart, networkPart, optionsPart } from './parts.ts';
import { cpusOf, inForce, type CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;
type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Increased whenever the result of `projectionOf` changes for the same spec. */
const VERSION = 'v2:';

/**
 * Equal for specs with the same configuration of this guest. They do not cover the contents of Secrets.
 * @param bootOrder the devices that spec.boot stands for; absent: it has none
 */
export const digestsOf = (
  want: Wanted,
  guest: Guest,
  room: CpuRoom,
  bootOrder?: readonly string[],
): PartDigests =>
  Object.fromEntries(
    Object.entries<Json>({
      ...projectionOf(want, guest, room),
      ...(bootOrder && { [BOOT_PART]: bootOrder }),
    }).map(([part, value]) => [
      part,
      VERSION + sha256Hex(JSON.stringify(value ?? null, sorted)).slice(0, 16),
    ]),
  );

/**
 * The digests of the parts that were applied.
 * @param digests of the parts as they are now. They stand in for digests of another version, which cannot be compared:
 * unless the spec was edited since the last report, every difference is drift. So it is where status lost them: the
 * guest was configured, and nothing says what the spec was then.
 */
export function recordedDigests({ metadata, status }: VirtualMachine, digests: PartDigests): PartDigests {
  const { observedGeneration, internal: { applied, appliedDigest, recovered } = {} } = status ?? {};
  const isEdited = observedGeneration !== metadata.generation;
  if (recovered === true) return digests;
  if (applied === undefined) return appliedDigest === undefined || isEdited ? {} : digests;
  const asRecorded = (part: string, digest: string): string =>
    digest.startsWith(VERSION) || isEdited ? digest : (digests[part] ?? digest);
  return Object.fromEntries(applied.map(({ part, digest }) => [part, asRecorded(part, digest)]));
}

/** Exactly the settings that decide what is written to a guest. The names are part of the version. */
function projectionOf(want: Wanted, guest: Guest, room: CpuRoom): Readonly<Record<string, Json>> {
  const { name, cpus, memory, maxCpus, maxMemory, minMemory, cpuType } = want;
  const { rootDisk, root, disks = [], provisioning, nics, options = {}, hardware, cdroms = [] } = want;
  return {
    settings: {
      name,
      size: { cpus, memory, maxCpus, maxMemory, minMemory, cpuType },
      reachable: reachableCpus(cpus, guest, room),
      beyondNode: beyondNode(want, room),
      firmware: firmwareIn(want),
      hardware: hardware && hardwareIn(hardware),
      guestAgent: want.guestAgent && { fstrimClonedDisks: want.guestAgent.fstrimClonedDisks },
      provisioning,
      options: optionsIn(options),
    },
    tags: options.tags,
    startup: startupIn(options),
    ...restrictedIn(hardware),
    ...(want.devices && { [DEVICES]: want.devices.map(deviceOf) }),
    networks: nics?.map((nic) => nic.name),
    ...Object.fromEntries((nics ?? []).map((nic) => [networkPart(nic.name), nicOf(nic)])),
    ...Object.fromEntries(cdroms.map(({ name, volume }) => [cdromPart(name), { volume }])),
    [diskPart(ROOT)]: { size: rootDisk, storageClass: root?.storageClass },
    [optionsPart(ROOT)]: { size: rootDisk, ...(root && optionsOf(root)) },
    ...Object.fromEntries(
      disks.flatMap((disk) => [
        [diskPart(disk.name), diskOf(disk)],
        [optionsPart(disk.name), { size: disk.size, ...optionsOf(disk) }],
      ]),
    ),
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

/** With the size, which is written together with the options: a pending change still has that from before the disk grew. */
function optionsOf({ options }: DesiredRootDisk): { readonly [key: string]: Json } {
  const { cache, discard, ssd, iothread, aio, backup, replicate, limits } = options;
  const { readIOPS, writeIOPS, readMBps, writeMBps } = limits ?? {};
  return {
    behaviour: { cache, discard, ssd, iothread, aio, backup, replicate },
    limits: limits && { readIOPS, writeIOPS, readMBps, writeMBps },
  };
}

const diskOf = ({ size, importFrom, storage, storageClass, reclaimPolicy }: DesiredDisk): Json => ({
  size,
  importFrom,
  storage,
  storageClass,
  reclaimPolicy,
});

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
    queues: settings?.queues,
  };
}

const firmwareIn = ({ machine, bios, tpm, osType, scsiController, efi }: Wanted): Json => ({
  machine,
  bios,
  tpm,
  osType,
  scsiController,
  efi: efi && { preEnrolledKeys: efi.preEnrolledKeys, type: efi.type },
});

const hardwareIn = ({ numa, sockets, vga, serial, audio, tablet }: Hardware): Json => ({
  numa,
  sockets,
  vga,
  serial,
  audio,
  tablet,
});

/** Parts of their own, because each is written alone (config/device-writes.ts). */
const restrictedIn = ({ hugepages, rng }: Hardware = {}): Readonly<Record<string, Json>> =>
  omitUndefined({ hugepages, rng0: rng });

const deviceOf = ({ kind, mapping, flags }: DesiredDevice): Json => ({ kind, mapping, flags });

const optionsIn = ({ description, onBoot, protection }: Options): Json => ({
  description,
  onBoot,
  protection,
});

const startupIn = ({ startup }: Options): Json =>
  startup && { order: startup.order, up: startup.up, down: startup.down };

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
