/** Expressions of Prometheus, parsed, and the metrics that the operator has. */
import { parser } from '@prometheus-io/lezer-promql';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { addStateMetrics } from '../../src/telemetry/state-metrics.ts';

export interface ParsedQuery {
  readonly faults: readonly string[];
  /** Names of metrics, and of labels in matchers. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

export function parsedQuery(expression: string): ParsedQuery {
  const found = { faults: [] as string[], metrics: [] as string[], labels: [] as string[] };
  parser.parse(expression).iterate({
    enter: ({ type, name, from, to }) => {
      const text = expression.slice(from, to);
      if (type.isError) found.faults.push(`at ${from}: ${text}`);
      if (name === 'VectorSelector') found.metrics.push(/^[a-zA-Z_:][\w:]*/.exec(text)?.[0] ?? text);
      if (name === 'LabelName') found.labels.push(text);
    },
  });
  return found;
}

const { registry } = createMetrics({ version: '', commit: '' });
addStateMetrics(registry, {
  kinds: new Map(),
  vms: { onChange: () => undefined },
  providers: () => [],
  now: () => 0,
});
/** The labels of each metric that the operator exports. */
export const labelsByMetric = new Map(
  registry.getMetricsAsArray().map((metric): readonly [string, readonly unknown[]] => {
    // The library's types do not mention them.
    const names: unknown = Reflect.get(metric, 'labelNames');
    return [metric.name, Array.isArray(names) ? names : []];
  }),
);
