/** The results as files: JSON, CSV, Markdown with the columns of the document, and a plot of each scenario. Pure. */
import { figuresOf, timeText, type Measured } from './results.ts';
import type { ScenariosFile } from './scenarios.ts';

type Format = ScenariosFile['outputs']['formats'][number];

const rate = (perMinute: number): string =>
  `${perMinute < 10 ? perMinute.toFixed(1) : Math.round(perMinute)} ops/min`;

const HEAD = ['Operation', 'P50 Latency', 'P95 Latency', 'Throughput', 'Notes'];

export function markdownOf(results: readonly Measured[]): string {
  const rows = results.map((measured) => {
    const { scenario, failures } = measured;
    const { p50, p95, throughput } = figuresOf(measured);
    const failed = failures.length === 0 ? [] : [`${failures.length} failed`];
    const notes = [scenario.notes, ...failed].filter((text) => text !== '').join('; ');
    return [scenario.name, timeText(p50), timeText(p95), rate(throughput), notes];
  });
  const lines = [HEAD, HEAD.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`);
  return `${lines.join('\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');

function jsonOf(results: readonly Measured[]): string {
  const rows = results.map((measured) => {
    const { scenario, took, failures, lastedMs } = measured;
    const { name, operation, concurrency, operations, notes } = scenario;
    return {
      name,
      operation,
      operations,
      concurrency,
      notes,
      ...figuresOf(measured),
      lastedMs,
      failures,
      took,
    };
  });
  return `${JSON.stringify(rows, undefined, 2)}\n`;
}

/** A line for each operation. */
function csvOf(results: readonly Measured[]): string {
  const lines = results.flatMap(({ scenario: { name, operation }, took, failures }) => [
    ...took.map((ms) => [name, operation, ms.toFixed(1), '']),
    ...failures.map((why) => [name, operation, '', why]),
  ]);
  return [['name', 'operation', 'milliseconds', 'failure'], ...lines]
    .map((values) => `${values.map(quoted).join(',')}\n`)
    .join('');
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const WIDTH = 640;
const HEIGHT = 320;
const MARGIN = 48;

/** The share of operations that took no longer than the time on the axis. */
export function plotOf(measured: Measured): string {
  const sorted = measured.took.toSorted((a, b) => a - b);
  const longest = Math.max(sorted.at(-1) ?? 0, 1);
  const x = (ms: number): string => (MARGIN + (ms / longest) * (WIDTH - 2 * MARGIN)).toFixed(1);
  const y = (share: number): string => (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1);
  const points = sorted.map((ms, index) => `${x(ms)},${y((index + 1) / sorted.length)}`);
  const { p50, p95 } = figuresOf(measured);
  const marks = [['p50', p50, 0.5] as const, ['p95', p95, 0.95] as const].flatMap(([label, ms, share]) =>
    Number.isNaN(ms)
      ? []
      : [
          `<circle cx="${x(ms)}" cy="${y(share)}" r="4" fill="#c00"/>`,
          `<text x="${x(ms)}" y="${y(share)}" dx="8" dy="14">${label} ${timeText(ms)}</text>`,
        ],
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN}" y="24" font-size="16">${escaped(measured.scenario.name)}</text>`,
    `<path d="M${MARGIN} ${MARGIN}V${HEIGHT - MARGIN}H${WIDTH - MARGIN}" fill="none" stroke="#333"/>`,
    `<text x="8" y="${y(1)}" dy="4">100 %</text><text x="8" y="${y(0)}" dy="4">0 %</text>`,
    `<text x="${MARGIN}" y="${HEIGHT - 20}">0</text><text x="${WIDTH - MARGIN}" y="${HEIGHT - 20}" text-anchor="end">${timeText(longest)}</text>`,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#06c" stroke-width="2"/>`,
    ...marks,
    '</svg>',
  ].join('\n')}\n`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Names and contents. */
export function filesOf(
  results: readonly Measured[],
  formats: readonly Format[],
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  if (formats.includes('json')) files.set('results.json', jsonOf(results));
  if (formats.includes('csv')) files.set('results.csv', csvOf(results));
  if (formats.includes('markdown')) files.set('results.md', markdownOf(results));
  if (formats.includes('svg'))
    for (const [index, measured] of results.entries())
      files.set(`${index + 1}-${slug(measured.scenario.name)}.svg`, plotOf(measured));
  return files;
}

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
