/** Writes the dashboard for Grafana: as a file to import, and for the chart. */
import { type Panel, ROWS, type Row } from './dashboard-panels.ts';
import type { Files } from './crds.ts';

const COLUMNS = 24;
const HEIGHT: Readonly<Record<Panel['type'], number>> = { stat: 4, timeseries: 8 };

/** Chosen by who imports it. */
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

const targets = ({ queries, type }: Panel) =>
  queries.map(({ expression, legend }, index) => ({
    refId: String.fromCodePoint('A'.codePointAt(0)! + index),
    datasource: DATASOURCE,
    expr: expression,
    legendFormat: legend,
    instant: type === 'stat',
    range: type !== 'stat',
  }));

const thresholds = ({ redFrom }: Panel) => ({
  mode: 'absolute',
  steps: [
    { color: 'green', value: null },
    ...(redFrom === undefined ? [] : [{ color: 'red', value: redFrom }]),
  ],
});

const drawn = (panel: Panel, place: { readonly x: number; readonly y: number }) => ({
  type: panel.type,
  title: panel.title,
  description: panel.description,
  datasource: DATASOURCE,
  gridPos: { ...place, w: panel.width, h: HEIGHT[panel.type] },
  fieldConfig: { defaults: { unit: panel.unit, thresholds: thresholds(panel) }, overrides: [] },
  targets: targets(panel),
});

interface Drawn {
  readonly panels: readonly object[];
  /** The first line that is free. */
  readonly y: number;
}

/** Puts the panels side by side, in lines of 24 columns. */
function drawnRow({ title, panels }: Row, start: number): Drawn {
  const all: object[] = [
    { type: 'row', title, collapsed: false, gridPos: { x: 0, y: start, w: COLUMNS, h: 1 }, panels: [] },
  ];
  let [x, y, height] = [0, start + 1, 0];
  for (const panel of panels) {
    const tall = HEIGHT[panel.type];
    if (x + panel.width > COLUMNS || (height > 0 && tall !== height)) [x, y] = [0, y + height];
    all.push(drawn(panel, { x, y }));
    [x, height] = [x + panel.width, tall];
  }
  return { panels: all, y: y + height };
}

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  {
    name: 'provider',
    label: 'Provider',
    type: 'query',
    datasource: DATASOURCE,
    query: { query: 'label_values(virtrigaud_provider_up, provider)', refId: 'provider' },
    refresh: 2,
    includeAll: true,
    // A series of several Providers that share a connection has all their names.
    allValue: '.*',
    multi: true,
    current: { text: 'All', value: '$__all' },
  },
];

function dashboard(): object {
  const all = ROWS.reduce<Drawn>(
    ({ panels, y }, row) => {
      const next = drawnRow(row, y);
      return { panels: [...panels, ...next.panels], y: next.y };
    },
    { panels: [], y: 0 },
  );
  return {
    uid: 'virtrigaud-proxmox',
    title: 'virtrigaud-proxmox',
    tags: ['virtrigaud', 'proxmox'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: variables },
    panels: all.panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
}

export const dashboardFiles = (): Files => {
  const text = `${JSON.stringify(dashboard(), null, 2)}\n`;
  return new Map([
    ['deploy/grafana/dashboard.json', text],
    ['deploy/chart/files/dashboard.json', text],
  ]);
};
