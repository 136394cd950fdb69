/** What the dashboard for Grafana shows. */

export interface Query {
  readonly expression: string;
  /** With the labels of the series in braces, as Grafana writes them. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly type: 'stat' | 'timeseries';
  readonly unit: string;
  /** From this value on the panel is red. */
  readonly redFrom?: number;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const stat = (
  title: string,
  expression: string,
  description: string,
  { redFrom, unit = 'none' }: { readonly redFrom?: number; readonly unit?: string } = {},
): Panel => ({
  title,
  description,
  width: 4,
  type: 'stat',
  unit,
  ...(redFrom !== undefined && { redFrom }),
  queries: [{ expression, legend: '' }],
});

const graph = (
  title: string,
  unit: string,
  description: string,
  ...queries: readonly (readonly [expression: string, legend: string])[]
): Panel => ({
  title,
  description,
  width: 12,
  type: 'timeseries',
  unit,
  queries: queries.map(([expression, legend]) => ({ expression, legend })),
});

const quantile = (share: number, by: string, metric: string, selector = ''): string =>
  `histogram_quantile(${share}, sum by (${['le', by].filter(Boolean).join(', ')}) (rate(${metric}_bucket${selector}[$__rate_interval])))`;

const OF_PROVIDER = '{provider=~"$provider"}';

/** Standbys count objects as well, so the state of objects is the largest of what the replicas say, not their sum. */
export const ROWS: readonly Row[] = [
  {
    title: 'Virtual machines',
    panels: [
      stat('VMs', 'sum(max by (phase) (virtrigaud_vms))', 'VirtualMachines in all phases.'),
      stat(
        'Not Ready',
        'max(virtrigaud_objects{kind="VirtualMachine",ready="False"})',
        'kubectl get vm -A -o wide says why.',
        { redFrom: 1 },
      ),
      stat('Failed', 'max(virtrigaud_vms{phase="Failed"})', 'Only a person can fix these.', { redFrom: 1 }),
      stat('Drifted', 'max(virtrigaud_vms_drifted)', 'Somebody changed these in Proxmox VE.', { redFrom: 1 }),
      stat(
        'Wait for a restart',
        'max(virtrigaud_vms_restart_required)',
        'Changes that take effect at the next stop and start.',
      ),
      stat(
        'Overdue tasks',
        'max(virtrigaud_vms_task_overdue)',
        'Tasks of Proxmox VE that take longer than PVE_TASK_TIMEOUT.',
        { redFrom: 1 },
      ),
      graph('VMs by phase', 'none', 'A VM that nobody has looked at counts as Pending.', [
        'max by (phase) (virtrigaud_vms)',
        '{{phase}}',
      ]),
      graph(
        'Time to create a VM',
        's',
        'From the creation of a VirtualMachine until its VM was started for the first time.',
        [quantile(0.5, '', 'virtrigaud_vm_creation_duration_seconds'), 'p50'],
        [quantile(0.95, '', 'virtrigaud_vm_creation_duration_seconds'), 'p95'],
      ),
    ],
  },
  {
    title: 'Proxmox VE',
    panels: [
      stat(
        'Providers not Ready',
        `count(max by (provider) (virtrigaud_provider_up${OF_PROVIDER}) == 0) or vector(0)`,
        'kubectl get providers -A says why.',
        { redFrom: 1 },
      ),
      stat(
        'Age of the lists',
        `max(virtrigaud_provider_inventory_age_seconds${OF_PROVIDER})`,
        'Time since the last complete read of the PVE cluster that waits longest. Normal is up to ten seconds.',
        { redFrom: 60, unit: 's' },
      ),
      stat(
        'Unowned guests',
        `max(virtrigaud_provider_unowned_guests${OF_PROVIDER})`,
        'Guests that the operator made for objects that no longer exist.',
        { redFrom: 1 },
      ),
      stat(
        'Credentials expire in',
        `min(virtrigaud_provider_token_expiry_timestamp_seconds${OF_PROVIDER}) - time()`,
        'No data: they do not expire, or may not read when.',
        { unit: 's' },
      ),
      graph('Requests to Proxmox VE', 'reqps', 'About one a second while nothing changes.', [
        'sum by (provider, code) (rate(virtrigaud_pve_requests_total{provider=~"$provider"}[$__rate_interval]))',
        '{{provider}} {{code}}',
      ]),
      graph(
        'Time to answer, p95',
        's',
        'By route; a route that stands out is a node or a storage that is slow.',
        [quantile(0.95, 'route', 'virtrigaud_pve_request_duration_seconds', OF_PROVIDER), '{{route}}'],
      ),
    ],
  },
  {
    title: 'The operator',
    panels: [
      stat('Leaders', 'sum(virtrigaud_leader)', 'One, however many replicas there are.'),
      stat(
        'Longest running pass',
        'max(virtrigaud_queue_longest_running_seconds)',
        'A pass is aborted after ten minutes.',
        { unit: 's' },
      ),
      graph('Passes by outcome', 'ops', 'How passes over objects ended.', [
        'sum by (outcome) (rate(virtrigaud_manager_reconcile_total[$__rate_interval]))',
        '{{outcome}}',
      ]),
      graph('Time of a pass, p95', 's', 'By kind.', [
        quantile(0.95, 'kind', 'virtrigaud_manager_reconcile_duration_seconds'),
        '{{kind}}',
      ]),
      graph('Objects that wait for a worker', 'none', 'By kind.', [
        'max by (kind) (virtrigaud_queue_depth)',
        '{{kind}}',
      ]),
      graph(
        'Errors and watches that were restarted',
        'ops',
        'Errors by reason and part.',
        [
          'sum by (reason, component) (rate(virtrigaud_errors_total[$__rate_interval]))',
          '{{component}} {{reason}}',
        ],
        ['sum by (kind) (rate(virtrigaud_watch_restarts_total[$__rate_interval]))', 'watch of {{kind}}'],
      ),
      graph('Memory', 'bytes', 'Resident memory of the replicas.', [
        'process_resident_memory_bytes and on (instance) virtrigaud_build_info',
        '{{instance}}',
      ]),
      graph('CPU', 'none', 'CPU time a second, in cores.', [
        'rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) virtrigaud_build_info',
        '{{instance}}',
      ]),
    ],
  },
];
