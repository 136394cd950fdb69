import { Access } from './access.ts';
import { failure } from './errors.ts';
import { Faults } from './faults.ts';
import { Ha } from './ha.ts';
import { Locks } from './locks.ts';
import { privileges } from './privileges.ts';
import { Random } from './random.ts';
import { privilegesIn } from './schema/versions.ts';
import { StorageState } from './storage.ts';
import { Tasks } from './tasks.ts';
import { Tickets } from './tickets.ts';
import type { Clock } from './clock.ts';
import type { Cluster } from './cluster-file.ts';
import type { LockHeld } from './fault-rules.ts';
import type { Guest } from './guest.ts';
import type { Latency } from './latency.ts';

export interface Node {
  readonly name: string;
  readonly cpus: number;
  readonly memory: number;
  readonly bridges: ReadonlySet<string>;
  readonly ip: string;
  /** The version of PVE, for example `8.4`. */
  readonly pve: string;
}

export interface Pool {
  readonly id: string;
  comment: string | undefined;
  readonly vms: Set<number>;
  readonly storages: Set<string>;
}

export interface Environment {
  readonly clock: Clock;
  readonly latency: Latency;
  readonly seed: string | number;
  /** SHA-256 of the server's certificate, as PVE shows it. */
  readonly fingerprint: string;
  /** The version of PVE on nodes whose description names none. */
  readonly pve: string;
}

const nodeOf = (cluster: Cluster, index: number, release: string): Node => {
  const described = cluster.nodes[index];
  if (!described) throw new Error(`node ${index} is missing`);
  const { name, cpus, memory, bridges, ip = `192.0.2.${10 + index}`, pve = release } = described;
  return {
    name,
    cpus,
    memory,
    bridges: new Set([...cluster.bridges, ...bridges]),
    ip,
    pve,
  };
};

/** Whether a guest on the node can be connected to this bridge. */
export const hasBridge = ({ nodes, vnets }: World, node: string, bridge: string): boolean =>
  vnets.has(bridge) || nodes.get(node)?.bridges.has(bridge) === true;

/** The complete state of the cluster. Routes read and change it; a reset creates a new one. */
export class World {
  readonly clock: Clock;
  readonly latency: Latency;
  readonly random: Random;
  readonly fingerprint: string;
  readonly clusterName: string | undefined;
  readonly nodes: ReadonlyMap<string, Node>;
  /** Zones by vnet. */
  readonly vnets: ReadonlyMap<string, string>;
  /** Nodes with a device by resource mapping. */
  readonly mappings: ReadonlyMap<string, readonly string[]>;
  readonly storage = new StorageState();
  readonly guests = new Map<number, Guest>();
  /** VMIDs whose configuration file already exists although their creation is still running. */
  readonly pools = new Map<string, Pool>();
  readonly options = new Map<string, string>();
  readonly access: Access;
  readonly tasks: Tasks;
  readonly locks: Locks;
  readonly tickets: Tickets;
  readonly ha: Ha;
  readonly faults: Faults;
  readonly startedAt: number;
  private readonly lifetime = new AbortController();

  constructor(cluster: Cluster, { clock, latency, seed, fingerprint, pve }: Environment) {
    this.clock = clock;
    this.vnets = new Map(Object.entries(cluster.vnets));
    this.mappings = new Map(Object.entries(cluster.mappings));
    this.latency = latency;
    this.fingerprint = fingerprint;
    this.random = new Random(seed);
    this.startedAt = clock.now();
    this.clusterName = cluster.name ?? (cluster.nodes.length > 1 ? 'cluster' : undefined);
    this.nodes = new Map(cluster.nodes.map(({ name }, index) => [name, nodeOf(cluster, index, pve)]));
    this.faults = new Faults(
      (fault) => this.holdLock(fault),
      () => clock.now(),
    );
    this.tasks = new Tasks(this);
    this.locks = new Locks(clock);
    this.tickets = new Tickets(this.random.hex(40), () => this.seconds());
    this.ha = new Ha();
    this.access = new Access({
      ofGuest: (vmid) => this.poolOf(vmid),
      ofStorage: (id) =>
        [...this.pools.values()].filter((pool) => pool.storages.has(id)).map((pool) => pool.id),
      privileges: privilegesIn(privileges, this.release()),
    });
  }

  /** Aborts when the world is replaced. */
  get ended(): AbortSignal {
    return this.lifetime.signal;
  }

  /** Ends everything that still runs. */
  async end(): Promise<void> {
    this.lifetime.abort();
    await this.tasks.stop();
  }

  /** The node that clients connect to. */
  get localNode(): Node {
    const [first] = this.nodes.values();
    if (!first) throw new Error('a cluster has at least one node');
    return first;
  }

  /** The version of PVE on a node; by default the one that clients connect to. */
  release(node?: string): string {
    return (node === undefined ? undefined : this.nodes.get(node)?.pve) ?? this.localNode.pve;
  }

  /** Milliseconds since 1970 on the clock of that node, which may be wrong. */
  timeOn(node = this.localNode.name): number {
    return this.clock.now() + this.faults.skew(node);
  }

  /** The same in whole seconds. */
  seconds(node?: string): number {
    return Math.floor(this.timeOn(node) / 1000);
  }

  /** Milliseconds of a wait in the latency profile, scaled. */
  wait(ms: number): number {
    return ms * this.latency.scale;
  }

  poolOf(vmid: number): string | undefined {
    for (const pool of this.pools.values()) if (pool.vms.has(vmid)) return pool.id;
    return undefined;
  }

  /** The guest, if its configuration is on that node. */
  guestOn(node: string, vmid: number): Guest | undefined {
    const guest = this.guests.get(vmid);
    return guest?.node === node ? guest : undefined;
  }

  /** The guest; throws PVE's error for a missing configuration. */
  guest(node: string, vmid: number): Guest {
    const guest = this.guestOn(node, vmid);
    if (!guest) throw failure(`Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`);
    return guest;
  }

  /** The same, with the error of calls that look for it on the node. */
  findGuest(node: string, vmid: number): Guest {
    const guest = this.guestOn(node, vmid);
    if (!guest) throw failure(`unable to find configuration file for VM ${vmid} on node '${node}'`);
    return guest;
  }

  /** Makes an unknown holder take the lock of a guest; returns a function that releases it. */
  private holdLock({ vmid, lock }: LockHeld): () => void {
    if (lock === undefined) return this.locks.seize(vmid);
    const guest = this.guests.get(vmid);
    if (!guest) throw new Error(`there is no guest ${vmid} to lock`);
    const before = guest.get('lock');
    const write = (value: string | undefined): void => {
      if (value === undefined) guest.config.delete('lock');
      else guest.config.set('lock', value);
      guest.written();
    };
    write(lock);
    return () => {
      if (guest.get('lock') === lock) write(before);
    };
  }

  get quorate(): boolean {
    return !this.faults.noQuorum;
  }

  /** The check of the requests that PVE refuses at once: create, clone, start, migrate, and those of HA. */
  requireQuorum(): void {
    if (!this.quorate) throw failure('cluster not ready - no quorum?');
  }

  /** Without quorum /etc/pve is read-only: writing a configuration fails there, in the task if there is one. */
  requireWritable({ node, vmid }: { readonly node: string; readonly vmid: number }): void {
    const file = `/etc/pve/nodes/${node}/qemu-server/${vmid}.conf.tmp.${this.tasks.pid()}`;
    if (!this.quorate) throw failure(`unable to open file '${file}' - Permission denied`);
  }

  /** The same for the files that all nodes share, such as `user_cfg`. */
  requireSharedFile(file: string): void {
    if (!this.quorate) throw failure(`cfs-lock 'file-${file}' error: no quorum!`);
  }

  /** Whether the node answers. */
  isOnline(node: string): boolean {
    return this.nodes.has(node) && !this.faults.isOffline(node);
  }

  /** Whether the local node counts that one as a member: without quorum it knows only itself. */
  isMember(node: string): boolean {
    return this.isOnline(node) && (this.quorate || node === this.localNode.name);
  }

  vmidRange(): readonly [number, number] {
    const text = this.options.get('next-id') ?? '';
    const bound = (name: string, fallback: number): number =>
      Number(new RegExp(`(?:^|,)${name}=(\\d+)`).exec(text)?.[1] ?? fallback);
    return [bound('lower', 100), bound('upper', 1_000_000)];
  }

  /** The lowest free VMID; the upper bound itself is not part of the range. */
  nextVmid(): number {
    const [lower, upper] = this.vmidRange();
    for (let vmid = lower; vmid < upper; vmid += 1) if (!this.guests.has(vmid)) return vmid;
    throw failure(`unable to get any free VMID in range [${lower}, ${upper}]`);
  }

  macPrefix(): string {
    return (this.options.get('mac_prefix') ?? 'BC:24:11').replace(/:$/, '');
  }
}
