/** The alerts, as Prometheus would read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ALERTS } from '../../../hack/generate/alerts.ts';
import { labelsByMetric, parsedQuery as parsed } from '../../builders/promql.ts';

const runbook = readFileSync(join(import.meta.dirname, '../../../docs/runbook.md'), 'utf8');

/** As they are in the links to a heading. */
const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-'),
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
