/** The dashboard, as Grafana and Prometheus would read it. */
import { describe, expect, test } from '@jest/globals';
import { ALERTS } from '../../../hack/generate/alerts.ts';
import { dashboardFiles } from '../../../hack/generate/dashboard.ts';
import { ROWS } from '../../../hack/generate/dashboard-panels.ts';
import { labelsByMetric, parsedQuery } from '../../builders/promql.ts';

const PANELS = ROWS.flatMap(({ panels }) => panels);

/** Grafana fills in its variables before it asks Prometheus. */
const asked = (expression: string): string => expression.replaceAll('$__rate_interval', '5m');

/** The series of a histogram have names of their own. */
const metricOf = (series: string): string => series.replace(/_bucket$/, '');
const LABELS_OF_SCRAPE = ['le', 'instance'];

describe.each(PANELS.flatMap(({ title, queries }) => queries.map((query) => ({ title, ...query }))))(
  '$title: $expression',
  ({ expression, legend }) => {
    const { faults, metrics, labels } = parsedQuery(asked(expression));

    test('is an expression of Prometheus about metrics that exist', () => {
      expect(faults).toEqual([]);
      expect(metrics).not.toEqual([]);
      for (const metric of metrics) expect([...labelsByMetric.keys()]).toContain(metricOf(metric));
    });

    test('names labels that these metrics have', () => {
      const known = [
        ...metrics.flatMap((metric) => labelsByMetric.get(metricOf(metric)) ?? []),
        ...LABELS_OF_SCRAPE,
      ];
      const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      for (const label of [...labels, ...shown]) expect(known).toContain(label);
    });
  },
);

test('no panel covers another', () => {
  const { panels } = JSON.parse(dashboardFiles().get('deploy/grafana/dashboard.json')!) as {
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  expect(panels).toHaveLength(PANELS.length + ROWS.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});

test('every alert has its figure on a panel', () => {
  const shown = PANELS.flatMap(({ queries }) =>
    queries.flatMap(({ expression }) => parsedQuery(asked(expression)).metrics),
  );
  for (const { expression } of ALERTS)
    for (const metric of parsedQuery(expression).metrics) expect(shown).toContain(metric);
});
