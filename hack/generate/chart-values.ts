/** The values of the chart: writes values.schema.json, which refuses unknown keys, and the table of its README. */
import { z } from 'zod';
import type { Files } from './crds.ts';

/** Objects of Kubernetes, which the API server checks. */
const asInAPod = z.looseObject({});
const strings = z.record(z.string(), z.string());
const port = z.int().min(1).max(65_535);
const cidr = z.string().regex(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/);
const dnsLabel = z.string().regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/);

const variable = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  value: z.string().optional(),
  valueFrom: asInAPod.optional(),
});

export const ChartValues = z.strictObject({
  fullnameOverride: dnsLabel.describe(
    'Name of the Deployment and of what belongs to it; empty: `provider-proxmox`.',
  ),
  commonLabels: strings.describe('Labels for all objects.'),
  providers: z.strictObject({
    proxmox: z.strictObject({
      enabled: z.boolean().describe('`false`: the CRDs and policies are installed, but no operator.'),
      replicas: z
        .int()
        .min(0)
        .max(10)
        .describe('More than one are standbys: a Lease decides which is active.'),
      env: z
        .array(variable)
        .describe(
          'Environment of the operator, entries as in a Pod: `PVE_*` for Providers without credentials of their own, `LOG_LEVEL`, `LOG_FORMAT`, `PVE_TASK_POLL_INTERVAL`, `PVE_TASK_TIMEOUT`, `PVE_ALLOW_FROM`.',
        ),
      envFrom: z.array(asInAPod).describe('Secrets and ConfigMaps with such variables, as in a Pod.'),
      resources: asInAPod.describe('Requests and limits, as in a Pod.'),
    }),
  }),
  image: z.strictObject({
    repository: z.string().min(1).describe('Name of the image.'),
    tag: z.string().describe('Tag of the image; empty: the version of the chart.'),
    digest: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64})?$/)
      .describe('Digest of the image, which takes the place of the tag.'),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).describe('As in a Pod.'),
  }),
  imagePullSecrets: z.array(z.strictObject({ name: z.string() })).describe('As in a Pod.'),
  clusterID: z
    .string()
    .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/)
    .describe(
      'The id that marks the VMs of this installation; empty: one is generated. Set it before the first start and keep it in Git, so that a reinstalled operator recognizes its VMs.',
    ),
  watchNamespaces: z
    .array(dnsLabel)
    .describe(
      'Namespaces whose objects the operator acts on; empty: all. They have to exist: each gets a Role, and there is no ClusterRole.',
    ),
  crds: z.strictObject({
    install: z.boolean().describe('Install the CRDs, and upgrade them with the chart.'),
    keep: z
      .boolean()
      .describe(
        'Keep the CRDs, and with them all objects, when the chart is uninstalled. With `false`, they are deleted if each is annotated with `virtrigaud.io/confirm-deletion`; `helm uninstall` fails otherwise.',
      ),
  }),
  admissionPolicies: z.strictObject({
    enabled: z
      .boolean()
      .describe(
        'Policies that refuse misspelt annotations, and deletions that would take all guests along. The latter stays when the chart is uninstalled.',
      ),
  }),
  rbac: z.strictObject({ create: z.boolean().describe('Create the roles that the operator needs.') }),
  serviceAccount: z.strictObject({
    create: z.boolean().describe('Create the ServiceAccount.'),
    name: dnsLabel.describe('Name of the ServiceAccount; empty: that of the Deployment.'),
    annotations: strings.describe('Annotations of the ServiceAccount.'),
  }),
  metrics: z.strictObject({
    service: z.strictObject({ enabled: z.boolean().describe('A Service for the metrics.') }),
    tokenSecret: dnsLabel.describe(
      'Secret with the key `token`; reading the metrics takes this token. Empty: it takes none.',
    ),
    serviceMonitor: z.strictObject({
      enabled: z.boolean().describe('A ServiceMonitor for the Prometheus operator.'),
      interval: z
        .string()
        .regex(/^[0-9]+[smh]$/)
        .describe('How often the metrics are read.'),
      labels: strings.describe('Labels by which Prometheus selects it.'),
    }),
    prometheusRule: z.strictObject({
      enabled: z.boolean().describe('The alerts of docs/metrics.md, for the Prometheus operator.'),
      labels: strings.describe('Labels by which Prometheus selects it.'),
    }),
    dashboard: z.strictObject({
      enabled: z.boolean().describe('A ConfigMap with the dashboard for Grafana.'),
      labels: strings.describe('Labels by which the sidecar of Grafana selects it.'),
    }),
  }),
  networkPolicy: z.strictObject({
    enabled: z.boolean().describe('Limit what reaches the operator, and what it reaches.'),
    allowAllEgress: z
      .boolean()
      .describe('For development: the operator reaches everything; `…CIDRs` and `…Ports` have no effect.'),
    proxmoxCIDRs: z.array(cidr).describe('Networks of Proxmox VE; empty: every address.'),
    proxmoxPorts: z.array(port).min(1).describe('Ports of Proxmox VE.'),
    downloadCIDRs: z
      .array(cidr)
      .describe('Networks that the operator may download disk images from; empty: none.'),
    downloadPorts: z.array(port).min(1).describe('Ports of the servers of disk images.'),
    apiServerCIDRs: z
      .array(cidr)
      .describe('Addresses of the API server, as a NetworkPolicy sees them; empty: every address.'),
    apiServerPorts: z.array(port).min(1).describe('Ports of the API server.'),
    metricsFrom: z.array(asInAPod).describe('Who may read the metrics, as in a NetworkPolicy.'),
  }),
  podDisruptionBudget: z.strictObject({
    enabled: z.boolean().describe('With several replicas, at most one is evicted at a time.'),
  }),
  podAnnotations: strings.describe('Annotations of the Pods.'),
  podLabels: strings.describe('Labels of the Pods.'),
  nodeSelector: strings.describe('As in a Pod.'),
  tolerations: z.array(asInAPod).describe('As in a Pod.'),
  affinity: asInAPod.describe('As in a Pod; empty: replicas prefer different nodes.'),
  topologySpreadConstraints: z.array(asInAPod).describe('As in a Pod.'),
  priorityClassName: z.string().describe('As in a Pod.'),
});

/** Charts that include this one hand over values of all charts. */
const global = { description: 'Values for all charts of a parent chart.', type: 'object' };

function schema(): object {
  const { properties, ...rest } = z.toJSONSchema(ChartValues.partial(), { target: 'draft-7', io: 'input' });
  return { ...rest, properties: { ...properties, global } };
}

const isObject = (type: z.ZodType): type is z.ZodObject =>
  type instanceof z.ZodObject && Object.keys(type.shape).length > 0;

const fields = (type: z.ZodObject, path = ''): readonly (readonly [path: string, type: z.ZodType])[] =>
  Object.entries(type.shape).flatMap(([name, inner]) => {
    const field = inner as z.ZodType;
    return isObject(field) ? fields(field, `${path}${name}.`) : [[`${path}${name}`, field] as const];
  });

/** Each value by its path, such as `image.tag`. */
export const VALUES: readonly (readonly [path: string, description: string])[] = fields(ChartValues).map(
  ([path, { description = '' }]) => [path, description],
);

const PAGE = 'deploy/chart/README.md';
const START = '<!-- values: written by npm run generate -->';
const END = '<!-- end of values -->';

/** @throws if the README has no place for the table */
export function chartValueFiles(current: (path: string) => string | undefined): Files {
  const [before, rest] = (current(PAGE) ?? '').split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${PAGE} has no lines ${START} and ${END}.`);
  const rows = VALUES.map(([path, description]) => `| \`${path}\` | ${description} |`);
  const table = ['| Value | Meaning |', '|---|---|', ...rows].join('\n');
  return new Map([
    [PAGE, `${before}${START}\n\n${table}\n\n${END}${after}`],
    ['deploy/chart/values.schema.json', `${JSON.stringify(schema(), null, 2)}\n`],
  ]);
}
