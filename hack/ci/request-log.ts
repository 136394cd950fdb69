/** The log of the fakes: requests by the version they were sent to, and as the operator sends them to other versions. Pure. */
import { z } from 'zod';
import { ENDPOINTS, fitCall } from '../../src/pve/index.ts';

const Line = z.object({
  method: z.string(),
  path: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  pve: z.string().default('9.2'),
});
export type LoggedRequest = z.output<typeof Line>;

/** Each distinct request once. */
export function parseLog(text: string): readonly LoggedRequest[] {
  const lines = new Set(text.split('\n').filter((line) => line.trim() !== ''));
  return [...lines].map((line) => Line.parse(JSON.parse(line)));
}

export const printLog = (requests: readonly LoggedRequest[]): string =>
  requests.map(({ method, path, params }) => JSON.stringify({ method, path, params })).join('\n');

export const byVersion = (
  requests: readonly LoggedRequest[],
): ReadonlyMap<string, readonly LoggedRequest[]> => Map.groupBy(requests, ({ pve }) => pve);

const routes = ENDPOINTS.map((endpoint) => {
  const pattern = endpoint.path.replace(/\{volume\}$/, '.+').replace(/\{\w+\}/g, '[^/]+');
  return { endpoint, pattern: new RegExp(`^${pattern}$`) };
});

export interface Translated {
  /** As the operator sends them to that version. */
  readonly requests: readonly LoggedRequest[];
  /** Names of parameters that were left out, with the number of requests. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Requests that the operator does not send to that version, by the parameter that it lacks. */
  readonly notSent: ReadonlyMap<string, number>;
}

/** What the operator would send to that version in place of these requests. */
export function translate(requests: readonly LoggedRequest[], version: string): Translated {
  const leftOut = new Map<string, number>();
  const notSent = new Map<string, number>();
  const sent = requests.flatMap((request) => {
    const { method, path, params } = request;
    const found = routes.find(({ endpoint, pattern }) => endpoint.method === method && pattern.test(path));
    if (!found) return [request];
    const fit = fitCall(found.endpoint, params, version);
    if (fit.unsupported.length > 0) {
      for (const { name } of fit.unsupported) count(notSent, name);
      return [];
    }
    for (const name of Object.keys(params))
      if (fit.params[name] !== params[name]) count(leftOut, name in fit.params ? `part of ${name}` : name);
    return [{ ...request, params: Params.parse(fit.params) }];
  });
  return { requests: sent, leftOut, notSent };
}

const Params = Line.shape.params;

const count = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);

export const printCounts = (counts: ReadonlyMap<string, number>): string =>
  counts.size === 0 ? 'nothing' : [...counts].map(([name, times]) => `${name} (${times})`).join(', ');
