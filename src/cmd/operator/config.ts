/** The configuration of the process: its flags and its environment. The only reader of `process.env`. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { PVE_VARIABLES } from '../../api/index.ts';
import { parseDuration } from '../../lib/duration.ts';
import { minutes, seconds, type Millis } from '../../lib/units.ts';
import type { Address as Listen } from '../../telemetry/server.ts';

/** A time span with its unit; a bare number counts seconds. */
const Span = z.string().transform((text, ctx): Millis => {
  const parsed = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if ('value' in parsed) return parsed.value;
  ctx.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

/** Names separated by commas, each kept once. */
const Namespaces = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((name) => name.trim()))])
  .refine(
    (names) => names.every((name) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)),
    'must be names of namespaces separated by commas, for example team-a,team-b',
  );

const Environment = z.object({
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  LOG_FORMAT: z.enum(['json', 'text']).default('json'),
  POD_NAME: z.string().min(1).optional(),
  POD_NAMESPACE: z.string().min(1).default('virtrigaud-system'),
  WATCH_NAMESPACE: Namespaces.optional(),
  CLUSTER_ID: z
    .string()
    .regex(
      /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
      'must be 1 to 63 letters, digits, dots, dashes or underscores, and begin and end with a letter or a digit',
    )
    .optional(),
  PVE_ALLOW_FROM: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(
      z.array(
        z
          .string()
          .regex(
            /^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
            'must be * or names of namespaces separated by commas, for example team-a,team-b',
          ),
      ),
    )
    .default(['*']),
  PVE_TASK_POLL_INTERVAL: Span.refine((span) => span >= 50, 'must be at least 50ms').default(seconds(2)),
  PVE_TASK_TIMEOUT: Span.refine((span) => span >= 1000, 'must be at least 1s').default(minutes(5)),
});

const Address = z
  .string()
  .regex(/^(\[[^\]]+\]|[^:[\]]*):\d{1,5}$/, 'must be HOST:PORT or :PORT, for example :8080')
  .transform((text) => {
    const at = text.lastIndexOf(':');
    const host = text.slice(0, at).replace(/^\[|\]$/g, '');
    return { host: host === '' ? '0.0.0.0' : host, port: Number(text.slice(at + 1)) };
  });

/** `0`: nothing is served there. */
const AddressOrNone = z.string().transform((text, ctx): Listen | null => {
  if (text === '0') return null;
  const { data, error } = Address.safeParse(text);
  for (const { message } of error?.issues ?? []) ctx.addIssue({ code: 'custom', message });
  return data ?? z.NEVER;
});

const Flags = z.object({
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  'metrics-bind-address': AddressOrNone.default({ host: '0.0.0.0', port: 8080 }),
  'health-probe-bind-address': Address.optional(),
  'metrics-token-file': z.string().min(1, 'must be the name of a file').optional(),
  'leader-elect': z.boolean().default(true),
  'watch-namespace': z
    .array(z.string())
    .transform((lists) => lists.join(','))
    .pipe(Namespaces)
    .optional(),
});

/** The PVE_* variables that are set. */
export const pveVariables = (env: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(PVE_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

export interface Config {
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'json' | 'text' };
  readonly kube: { readonly file?: string | undefined; readonly context?: string | undefined };
  /** Where the Lease and the cluster id are kept. */
  readonly namespace: string;
  /** Absent: it is generated at the first start. */
  readonly clusterId: string | undefined;
  readonly podName: string | undefined;
  readonly telemetry: {
    /** Absent: metrics are not served. */
    readonly metrics: Listen | undefined;
    /** Absent: where the metrics are. */
    readonly probes: Listen | undefined;
    /** Contains the token that reading the metrics takes. */
    readonly tokenFile: string | undefined;
  };
  readonly leaderElect: boolean;
  /** Absent: all namespaces are watched. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly pve: Readonly<Record<string, string>>;
  /** Namespaces whose Providers may use the PVE_* variables; `*`: all. */
  readonly pveAllowFrom: readonly string[];
  /** How tasks of Proxmox VE are waited for. */
  readonly tasks: { readonly maxGap: Millis; readonly overdueAfter: Millis };
}

export type ConfigResult =
  | { readonly kind: 'run'; readonly config: Config }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  /** All faults at once. */
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

const HELP = `virtrigaud-proxmox: runs Proxmox VE virtual machines from Kubernetes.

Without a command it runs the operator; \`virtrigaud-proxmox check\` tests a connection to Proxmox VE and says what is
missing (\`virtrigaud-proxmox check --help\`).

Flags:
  --kubeconfig FILE             kubeconfig to use; absent: KUBECONFIG, ~/.kube/config, or the pod's service account
  --context NAME                context of the kubeconfig; absent: its current one
  --metrics-bind-address ADDR   where /metrics is served (default :8080), for example 127.0.0.1:8080; 0: nowhere
  --health-probe-bind-address ADDR
                                where /healthz and /readyz are served; absent: where /metrics is
  --metrics-token-file FILE     file with a token; /metrics then requires it as "Authorization: Bearer TOKEN"
  --watch-namespace NAMESPACE   act on the objects in this namespace only; repeat the flag or separate names with commas
                                (absent: all namespaces). Roles in these namespaces then replace the ClusterRole
  --no-leader-elect             do not wait for leadership: for a single process only
  --version                     print the version
  --help                        print this text

Environment: LOG_LEVEL (debug, info, warn, error), LOG_FORMAT (json, text), POD_NAME, POD_NAMESPACE (the namespace of the
Lease and of the cluster id), WATCH_NAMESPACE (as --watch-namespace, which takes precedence),
CLUSTER_ID (the id that marks the VMs of this installation; absent: generated at the first start),
PVE_TASK_POLL_INTERVAL (the longest gap between two looks at a task, 2s), PVE_TASK_TIMEOUT (when a task is reported as
overdue, 5m; it is waited for all the same), and
${PVE_VARIABLES.join(', ')}
for Providers that have no endpoint of their own, or this one; PVE_ALLOW_FROM (the namespaces whose Providers may use
them, separated by commas; default *). If any of these is set, the operator tries them out when it
starts, and ends with exit code 1 where they do not work.
`;

/** Reads flags and environment; never throws. */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv = process.env): ConfigResult {
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        'metrics-bind-address': { type: 'string' },
        'health-probe-bind-address': { type: 'string' },
        'metrics-token-file': { type: 'string' },
        'leader-elect': { type: 'boolean' },
        'watch-namespace': { type: 'string', multiple: true },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    return { kind: 'faulty', faults: [misunderstood(args, error)] };
  }
  if (values['help'] === true) return { kind: 'help', text: HELP };
  if (values['version'] === true) return { kind: 'version' };
  const flags = Flags.safeParse(values);
  const environment = Environment.safeParse(withoutEmpty(env));
  if (!flags.success || !environment.success)
    return { kind: 'faulty', faults: [...faultsOf(flags, '--'), ...faultsOf(environment, '')] };
  return {
    kind: 'run',
    config: {
      log: { level: environment.data.LOG_LEVEL, format: environment.data.LOG_FORMAT },
      kube: { file: flags.data.kubeconfig, context: flags.data.context },
      namespace: environment.data.POD_NAMESPACE,
      clusterId: environment.data.CLUSTER_ID,
      podName: environment.data.POD_NAME,
      telemetry: {
        metrics: flags.data['metrics-bind-address'] ?? undefined,
        probes: flags.data['health-probe-bind-address'],
        tokenFile: flags.data['metrics-token-file'],
      },
      leaderElect: flags.data['leader-elect'],
      watchNamespaces: flags.data['watch-namespace'] ?? environment.data.WATCH_NAMESPACE,
      pve: pveVariables(env),
      pveAllowFrom: environment.data.PVE_ALLOW_FROM,
      tasks: {
        maxGap: environment.data.PVE_TASK_POLL_INTERVAL,
        overdueAfter: environment.data.PVE_TASK_TIMEOUT,
      },
    },
  };
}

/** A word where a flag is expected is most likely the one command, misspelt. */
function misunderstood(args: readonly string[], error: unknown): string {
  const [first = ''] = args;
  const said = error instanceof Error ? error.message : String(error);
  return first !== '' && !first.startsWith('-')
    ? `There is no command ${first}. The only one is check; without a command the operator runs. See --help.`
    : `${said}. See --help.`;
}

/** A variable set to nothing, as Helm does with an empty value, is as good as unset. */
const withoutEmpty = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

const faultsOf = (result: z.ZodSafeParseResult<unknown>, prefix: string): string[] =>
  result.success
    ? []
    : result.error.issues.map((issue) => `${prefix}${issue.path.join('.')}: ${issue.message}`);
