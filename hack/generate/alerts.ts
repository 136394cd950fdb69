/** The alerts that most installations want, for the chart and for docs/metrics.md. */
import { generated, toYaml, type Files } from './crds.ts';

export interface Alert {
  readonly name: string;
  /** In Prometheus' language. */
  readonly expression: string;
  /** How long it has to hold; absent: not at all. */
  readonly for?: string;
  readonly severity: 'critical' | 'warning' | 'info';
  /** What people read first; `$labels` are those of the expression. */
  readonly summary: string;
  /** What it means and what to look at, as in docs/metrics.md. */
  readonly meaning: string;
  /** The section of docs/runbook.md. */
  readonly section: string;
}

export const ALERTS: readonly Alert[] = [
  {
    name: 'VirtrigaudProviderDown',
    expression: 'virtrigaud_provider_up == 0',
    for: '5m',
    severity: 'critical',
    summary: 'Provider {{ $labels.provider }} is not Ready',
    meaning: 'A Provider is not Ready: `kubectl get providers -A` says why',
    section: 'provider',
  },
  {
    name: 'VirtrigaudProxmoxSilent',
    expression: 'virtrigaud_provider_inventory_age_seconds > 60',
    for: '1m',
    severity: 'critical',
    summary: 'The PVE cluster of {{ $labels.provider }} does not answer',
    meaning: 'The PVE cluster does not answer: nothing there is changed, and what its VMs report may be old',
    section: 'provider',
  },
  {
    name: 'VirtrigaudVMsNotReady',
    expression: 'virtrigaud_objects{kind="VirtualMachine",ready="False"} > 0',
    for: '15m',
    severity: 'warning',
    summary: '{{ $value }} VirtualMachines are not Ready',
    meaning: 'VMs do not get to what their spec says: `kubectl get vm -A -o wide` says why',
    section: 'virtualmachine',
  },
  {
    name: 'VirtrigaudVMsDrifted',
    expression: 'virtrigaud_vms_drifted > 0',
    for: '15m',
    severity: 'info',
    summary: '{{ $value }} VMs differ from their spec',
    meaning: 'Somebody changed VMs in Proxmox VE',
    section: 'virtualmachine',
  },
  {
    name: 'VirtrigaudRestartRequired',
    expression: 'virtrigaud_vms_restart_required > 0',
    for: '24h',
    severity: 'info',
    summary: '{{ $value }} VMs wait for a restart',
    meaning: 'Changes wait for a restart that the spec does not allow',
    section: 'virtualmachine',
  },
  {
    name: 'VirtrigaudTaskOverdue',
    expression: 'virtrigaud_vms_task_overdue > 0',
    severity: 'warning',
    summary: '{{ $value }} VMs wait for a task of Proxmox VE that takes too long',
    meaning: 'A task in Proxmox VE takes longer than `PVE_TASK_TIMEOUT`',
    section: 'virtualmachine',
  },
  {
    name: 'VirtrigaudUnownedGuests',
    expression: 'virtrigaud_provider_unowned_guests > 0',
    for: '15m',
    severity: 'warning',
    summary: 'The PVE cluster of {{ $labels.provider }} has {{ $value }} guests without a VirtualMachine',
    meaning: 'Guests that the operator made for objects that no longer exist',
    section: 'whose-guest-is-it',
  },
  {
    name: 'VirtrigaudCredentialsExpire',
    expression: 'virtrigaud_provider_token_expiry_timestamp_seconds - time() < 7 * 86400',
    severity: 'warning',
    summary: 'The credentials of Provider {{ $labels.provider }} expire within a week',
    meaning:
      'The API token of a Provider, or its user, expires within a week: nothing works from then on. The Provider has an event `CredentialsExpire` from two weeks before',
    section: 'provider',
  },
  {
    name: 'VirtrigaudNoLeader',
    expression: 'sum(virtrigaud_leader) != 1 or absent(virtrigaud_leader)',
    for: '1m',
    severity: 'critical',
    summary: 'No replica of the operator leads, or more than one does',
    meaning: 'No process acts, or the election is in trouble',
    section: 'the-operator',
  },
];

const PAGE = 'docs/metrics.md';
const START = '<!-- alerts: written by npm run generate -->';
const END = '<!-- end of alerts -->';

const ofPrometheus = ({ name, expression, severity, summary, meaning, section, ...alert }: Alert) => ({
  alert: name,
  expr: expression,
  ...(alert.for !== undefined && { for: alert.for }),
  labels: { severity },
  annotations: { summary, description: `${meaning}.`, runbook: `docs/runbook.md#${section}` },
});

const row = ({ name, expression, meaning, ...alert }: Alert): string =>
  `| \`${name}\` | \`${expression}\`${alert.for === undefined ? '' : ` for ${alert.for}`} | ${meaning} |`;

/** @throws if the page has no place for the list */
export function alertFiles(current: (path: string) => string | undefined): Files {
  const [before, rest] = (current(PAGE) ?? '').split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${PAGE} has no lines ${START} and ${END}.`);
  const table = ['| Alert | Expression | What it means |', '|---|---|---|', ...ALERTS.map(row)].join('\n');
  return new Map([
    [PAGE, `${before}${START}\n\n${table}\n\n${END}${after}`],
    [
      'deploy/chart/files/alerts.yaml',
      generated('npm run generate') +
        toYaml({ groups: [{ name: 'virtrigaud-proxmox', rules: ALERTS.map(ofPrometheus) }] }),
    ],
  ]);
}
