/** Generates the list of metrics in docs/metrics.md from the metrics themselves. */
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { addStateMetrics } from '../../src/telemetry/state-metrics.ts';
import type { Files } from './crds.ts';

const PAGE = 'docs/metrics.md';
const START = '<!-- metrics: written by npm run generate -->';
const END = '<!-- end of metrics -->';

/** @throws if the page has no place for the list */
export function metricsFiles(current: (path: string) => string | undefined): Files {
  const page = current(PAGE) ?? '';
  const [before, rest] = page.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${PAGE} has no lines ${START} and ${END}.`);
  return new Map([[PAGE, `${before}${START}\n\n${table().join('\n')}\n\n${END}${after}`]]);
}

function table(): readonly string[] {
  const { registry } = createMetrics({ version: '', commit: '' });
  const silent = { onChange: () => undefined };
  addStateMetrics(registry, { kinds: new Map(), vms: silent, providers: () => [], now: () => 0 });
  const rows = registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith('virtrigaud_'))
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map((metric) => `| \`${metric.name}\` | ${metric.type} | ${labelsOf(metric)} | ${metric.help} |`);
  return ['| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...rows];
}

/** The library's types do not mention them. */
function labelsOf(metric: object): string {
  const names: unknown = Reflect.get(metric, 'labelNames');
  return Array.isArray(names) ? names.map((name) => `\`${String(name)}\``).join(', ') : '';
}
