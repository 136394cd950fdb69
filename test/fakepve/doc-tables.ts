/** Generates the tables of docs/fakepve.md. */
import { latencySchema } from './latency.ts';
import { servedEndpoints } from './router.ts';

const PAGE = 'docs/fakepve.md';

function endpointTable(): string {
  const methods = new Map<string, string[]>();
  for (const key of servedEndpoints) {
    const [method = '', path = ''] = key.split(' ');
    methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  const order = ['GET', 'POST', 'PUT', 'DELETE'];
  const rows = [...methods].sort().map(([path, found]) => {
    const sorted = found.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    return `| \`${path}\` | ${sorted.join(', ')} |`;
  });
  return ['| path | methods |', '| --- | --- |', ...rows].join('\n');
}

function latencyTable(): string {
  const rows = Object.entries(latencySchema.parse({})).map(
    ([name, value]) => `| \`${name}\` | ${typeof value === 'number' ? value : 'none'} |`,
  );
  return ['| key | default |', '| --- | --- |', ...rows].join('\n');
}

function withTable(text: string, name: string, table: string): string {
  const [start, end] = [`<!-- ${name}: generated -->`, `<!-- ${name}: end -->`];
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} lacks the marks of ${name}`);
  return `${before}${start}\n\n${table}\n\n${end}${after}`;
}

/** `read` returns a page as it is: the text around the tables is written by hand and kept. */
export function fakePveFiles(read: (path: string) => string | undefined): ReadonlyMap<string, string> {
  const page = read(PAGE) ?? '';
  return new Map([
    [PAGE, withTable(withTable(page, 'endpoints', endpointTable()), 'latency', latencyTable())],
  ]);
}
