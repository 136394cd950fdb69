import { createHash } from 'node:crypto';
import { guestOptions, propertyFormat } from './schema/schema.ts';
import { splitProperties } from './schema/property-string.ts';
import type { Properties } from './schema/property-string.ts';

/** The options of a guest as text, as in its configuration file. */
export type Config = Map<string, string>;

export interface Snapshot {
  readonly name: string;
  /** Includes `snaptime`, `parent`, `description` and, with memory, `vmstate`. */
  readonly config: Config;
}

/** The QEMU run states that a guest of the fake can have. */
export const RUN_STATES = [
  'running',
  'paused',
  'suspended',
  'io-error',
  'prelaunch',
  'internal-error',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** What exists only while the guest runs. */
export interface Running {
  readonly pid: number;
  readonly since: number;
  qmp: RunState;
  /** When the guest's operating system is up; a reset sets it again. */
  bootedAt: number;
  frozen: boolean;
  /** Network settings that the guest applied at boot, by MAC. */
  readonly addresses: Map<string, readonly string[]>;
  readonly files: Map<string, string>;
  readonly processes: Map<number, { readonly out: string; readonly until: number; readonly code: number }>;
}

/** Cloud-init settings that the drive does not have yet. */
export interface CloudInitDrift {
  readonly recorded: Map<string, string>;
  readonly added: Set<string>;
}

export interface ExtraInterface {
  readonly name: string;
  readonly mac: string;
  readonly ipv4: string;
}

const DRIVE = /^(?:ide|sata|scsi|virtio|efidisk|tpmstate)\d+$/;

export class Guest {
  readonly vmid: number;
  node: string;
  config: Config;
  pending: Config = new Map();
  /** Options to remove at the next stop; true: their volume is deleted too. */
  readonly pendingDelete = new Map<string, boolean>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly drift: CloudInitDrift = { recorded: new Map(), added: new Set() };
  running: Running | undefined;
  hasRun = false;
  /** When it ended last, unless it was cleaned up already. */
  endedAt: number | undefined;
  /** The commands that its agent has run. */
  readonly commands: string[] = [];
  extraInterfaces: readonly ExtraInterface[] = [];
  /** When lists first show more than the name. */
  listedFrom = 0;
  private revision = 0;
  private digested: { revision: number; digest: string } | undefined;

  constructor(vmid: number, node: string, config: Config) {
    this.vmid = vmid;
    this.node = node;
    this.config = config;
  }

  /** To be called after every write to the configuration. */
  written(): void {
    this.revision += 1;
    this.dropAttached();
  }

  /** With each write PVE drops the unused volumes that a drive has, now or from the next start on. */
  private dropAttached(): void {
    const unused = [...this.config].filter(([key]) => /^unused\d+$/.test(key));
    if (unused.length === 0) return;
    const drives = [...this.config, ...this.pending].filter(([key]) => DRIVE.test(key));
    const attached = new Set(drives.map(([, value]) => value.split(',')[0]));
    for (const [key, volid] of unused) if (attached.has(volid)) this.config.delete(key);
  }

  get writes(): number {
    return this.revision;
  }

  get(key: string): string | undefined {
    return this.config.get(key);
  }

  int(key: string, fallback: number): number {
    const value = this.config.get(key);
    return value === undefined ? fallback : Number(value);
  }

  is(key: string): boolean {
    return this.config.get(key) === '1';
  }

  get tags(): readonly string[] {
    return (this.config.get('tags') ?? '').split(';').filter((tag) => tag !== '');
  }

  /** SHA-1 of the configuration file that PVE would write. */
  get digest(): string {
    if (this.digested?.revision === this.revision) return this.digested.digest;
    const digest = createHash('sha1').update(this.render()).digest('hex');
    this.digested = { revision: this.revision, digest };
    return digest;
  }

  private render(): string {
    const section = (config: Config): string =>
      [...config]
        .map(([key, value]) => `${key}: ${value}\n`)
        .sort()
        .join('');
    const pending = [...this.pendingDelete].map(([key, force]) => `${force ? '!' : ''}${key}`).sort();
    const snapshots = [...this.snapshots.values()]
      .map(({ name, config }) => `[${name}]\n${section(config)}`)
      .sort();
    return [section(this.config), section(this.pending), pending.join(','), ...snapshots].join('\n');
  }
}

/** An option as the API returns it: integers and booleans become numbers, everything else stays text. */
export function typed(key: string, value: string): string | number {
  const type = key === 'snaptime' ? 'integer' : guestOptions[key]?.type;
  return type === 'integer' || type === 'boolean' ? Number(value) : value;
}

/** Parses an option that is a property string; empty if it is invalid. */
export function optionProperties(key: string, value: string | undefined): Properties {
  const name = guestOptions[key]?.properties;
  if (value === undefined || name === undefined) return {};
  try {
    return splitProperties(value, propertyFormat(name));
  } catch {
    return {};
  }
}

export const memoryMiB = (config: Config): number =>
  Number(config.get('memory')?.split(',')[0]?.replace('current=', '') ?? 512);

export const coreCount = (config: Config): number =>
  Number(config.get('cores') ?? 1) * Number(config.get('sockets') ?? 1);

export const cpuCount = (config: Config): number => Number(config.get('vcpus') ?? 0) || coreCount(config);

export const agentEnabled = (config: Config): boolean =>
  optionProperties('agent', config.get('agent'))['enabled'] === '1';
