/** The state of the objects and of Proxmox VE, for alerts. Counted as objects change, so that a scrape walks no list. */
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { Condition } from '../runtime/conditions.ts';
import type { Resource } from '../runtime/controller.ts';
import type { ChangeSource, Entry } from '../runtime/object-store.ts';

/** What is known of a Provider at the moment of the scrape. */
export interface ProviderState {
  /** `namespace/name` */
  readonly provider: string;
  readonly ready: boolean;
  /** Epoch ms: the last complete read of the cluster; absent: none since the process started. */
  readonly readAt: number | undefined;
  /** Guests with the mark of this installation that no object has; absent: not known. */
  readonly unowned: number | undefined;
  /** Epoch ms: when the credentials expire; absent: never, or Proxmox VE does not say it. */
  readonly credentialsExpireAt: number | undefined;
}

export interface StateSources {
  readonly kinds: ReadonlyMap<string, ChangeSource<Resource>>;
  readonly vms: ChangeSource<Resource & { readonly status?: VmFields | undefined }>;
  /** Only asked at a scrape. */
  readonly providers: () => readonly ProviderState[];
  /** Epoch ms. */
  readonly now: () => number;
}

interface VmFields {
  readonly phase?: string | undefined;
  readonly createdAt?: string | undefined;
  readonly adopted?: boolean | undefined;
  readonly internal?: { readonly recovered?: boolean | undefined } | undefined;
}

type Labels = Readonly<Record<string, string>>;
type Series = readonly [labels: Labels, value: number];

export const VM_PHASES = [
  'Pending',
  'Provisioning',
  'Running',
  'Stopped',
  'Reconfiguring',
  'Deleting',
  'Failed',
] as const;

const CREATION_BUCKETS = [5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/** Registers the metrics; from then on they follow the sources. */
export function addStateMetrics(registry: Registry, sources: StateSources): void {
  countObjects(registry, sources);
  countVms(registry, sources);
  timeCreations(registry, sources);
  showProviders(registry, sources);
}

function countObjects(registry: Registry, { kinds }: StateSources): void {
  const tallies = [...kinds].map(([kind, source]) => ({
    kind,
    tally: tallyOf(source, ({ conditions }) => [readyOf(conditions)]),
  }));
  gauge(registry, {
    name: 'virtrigaud_objects',
    help: 'Objects by kind and by the status of their condition Ready.',
    labelNames: ['kind', 'ready'],
    read: () =>
      tallies.flatMap(({ kind, tally }) =>
        ['True', 'False', 'Unknown'].map((ready): Series => [{ kind, ready }, tally.get(ready) ?? 0]),
      ),
  });
}

const readyOf = (conditions: readonly Condition[]): string =>
  conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';

/** What a VM is counted as, beside its phase. */
const FLAGS = [
  {
    name: 'virtrigaud_vms_drifted',
    help: 'VMs of which something was changed in Proxmox VE that their spec says otherwise.',
    has: ({ type, status, reason }: Condition) =>
      type === 'Synced' && status === 'False' && reason === 'Drifted',
  },
  {
    name: 'virtrigaud_vms_restart_required',
    help: 'VMs with changes that take effect at their next stop and start.',
    has: ({ type, status }: Condition) => type === 'RestartRequired' && status === 'True',
  },
  {
    name: 'virtrigaud_vms_task_overdue',
    help: 'VMs that wait for a task of Proxmox VE for longer than PVE_TASK_TIMEOUT.',
    has: ({ reason }: Condition) => reason === 'TaskOverdue',
  },
] as const;

function countVms(registry: Registry, { vms }: StateSources): void {
  const tally = tallyOf(vms, ({ partial, conditions }) => [
    `phase ${partial.status?.phase ?? 'Pending'}`,
    ...FLAGS.flatMap(({ name, has }) => (conditions.some(has) ? [name] : [])),
  ]);
  gauge(registry, {
    name: 'virtrigaud_vms',
    help: 'VirtualMachines by phase. One that nobody has looked at counts as Pending.',
    labelNames: ['phase'],
    read: () => VM_PHASES.map((phase): Series => [{ phase }, tally.get(`phase ${phase}`) ?? 0]),
  });
  for (const { name, help } of FLAGS)
    gauge(registry, { name, help, labelNames: [], read: () => [[{}, tally.get(name) ?? 0]] });
}

/** From the creation of the object to the moment at which its VM was first complete. */
function timeCreations(registry: Registry, { vms }: StateSources): void {
  const histogram = new Histogram({
    name: 'virtrigaud_vm_creation_duration_seconds',
    help: 'From the creation of a VirtualMachine until its VM was configured and started for the first time.',
    buckets: CREATION_BUCKETS,
    registers: [registry],
  });
  vms.onChange((_key, before, after) => {
    const status = after?.partial.status;
    const isNew = before !== undefined && before.partial.status?.createdAt === undefined;
    if (!isNew || !status || existedBefore(status)) return;
    const took = Date.parse(status.createdAt ?? '') - Date.parse(after.metadata.creationTimestamp ?? '');
    if (took >= 0) histogram.observe(took / 1000);
  });
}

/** The VM, before its object. */
const existedBefore = ({ adopted, internal }: VmFields): boolean =>
  adopted === true || internal?.recovered === true;

function showProviders(registry: Registry, { providers, now }: StateSources): void {
  const each = (name: string, help: string, valueOf: (state: ProviderState) => number | undefined): void =>
    gauge(registry, {
      name,
      help,
      labelNames: ['provider'],
      read: () =>
        providers().flatMap((state): readonly Series[] => {
          const value = valueOf(state);
          return value === undefined ? [] : [[{ provider: state.provider }, value]];
        }),
    });
  each('virtrigaud_provider_up', '1 while the Provider is Ready.', ({ ready }) => (ready ? 1 : 0));
  each(
    'virtrigaud_provider_inventory_age_seconds',
    'Time since the last complete read of the PVE cluster. Only in the process that leads.',
    ({ readAt }) => readAt && Math.max(0, now() - readAt) / 1000,
  );
  each(
    'virtrigaud_provider_unowned_guests',
    'Guests with the mark of this installation that no VirtualMachine has, as far as their descriptions were read: before a VM is created.',
    ({ unowned }) => unowned,
  );
  each(
    'virtrigaud_provider_token_expiry_timestamp_seconds',
    'When the API token of the Provider, or its user, expires. Absent if neither does, if the credentials may not read it (Sys.Audit on /access/groups), and in processes that do not lead.',
    ({ credentialsExpireAt }) => credentialsExpireAt && credentialsExpireAt / 1000,
  );
}

interface GaugeOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly read: () => readonly Series[];
}

function gauge(registry: Registry, { name, help, labelNames, read }: GaugeOptions): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.set(labels, value);
    },
  });
}

/** How many objects have each value, kept as they change. */
function tallyOf<O extends Resource>(
  source: ChangeSource<O>,
  valuesOf: (entry: Entry<O>) => readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (entry: Entry<O> | undefined, by: 1 | -1): void => {
    for (const value of entry ? valuesOf(entry) : []) counts.set(value, (counts.get(value) ?? 0) + by);
  };
  source.onChange((_key, before, after) => {
    add(before, -1);
    add(after, 1);
  });
  return counts;
}
