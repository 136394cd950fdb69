/** The alerts, as Prometheus would read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from '@jest/globals';
import { ALERTS } from '../../../hack/generate/alerts.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { addStateMetrics } from '../../../src/telemetry/state-metrics.ts';

const runbook = readFileSync(join(import.meta.dirname, '../../../docs/runbook.md'), 'utf8');

/** As they are in the links to a heading. */
const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-'),
);

interface Parsed {
  readonly faults: readonly string[];
  /** Names of metrics, and of labels in matchers. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

function parsed(expression: string): Parsed {
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
const labelsByMetric = new Map(
  registry.getMetricsAsArray().map((metric): readonly [string, readonly unknown[]] => {
    // The library's types do not mention them.
    const names: unknown = Reflect.get(metric, 'labelNames');
    return [metric.name, Array.isArray(names) ? names : []];
  }),
);

test('the parser finds faults', () => {
  expect(parsed('sum(virtrigaud_leader').faults).not.toEqual([]);
  expect(parsed('virtrigaud_leader >').faults).not.toEqual([]);
});

describe.each(ALERTS)('$name', ({ expression, summary, section }) => {
  test('is an expression of Prometheus about metrics and labels that exist', () => {
    const { faults, metrics, labels } = parsed(expression);
    expect(faults).toEqual([]);
    expect(metrics).not.toEqual([]);
    for (const metric of metrics) expect([...labelsByMetric.keys()]).toContain(metric);
    const known = metrics.flatMap((metric) => labelsByMetric.get(metric) ?? []);
    const shown = [...summary.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
    for (const label of [...labels, ...shown]) expect(known).toContain(label);
  });

  test('leads to a section of the runbook', () => expect(anchors).toContain(section));
});
