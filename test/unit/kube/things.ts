/** A small kind and its objects as the API server sends them. */
import { z } from 'zod';
import { kind } from '../../../src/api/kind.ts';
import { parserOf, type ResourceOf } from '../../../src/kube/parse.ts';

const spec = z.object({
  size: z.int().min(1),
  owner: z.object({ name: z.string(), mail: z.string().optional() }).optional(),
  parts: z.array(z.object({ name: z.string(), weight: z.number() })).default([]),
});
const status = z.object({ made: z.int().optional() });

export const Thing = kind({
  kind: 'Thing',
  plural: 'things',
  singular: 'thing',
  shortNames: [],
  description: 'A thing.',
  spec,
  status,
  columns: [],
});
export type Thing = ResourceOf<typeof spec, typeof status>;
export const parse = parserOf(Thing);

export interface RawThing {
  readonly metadata: { readonly name: string; readonly resourceVersion: string } & Record<string, unknown>;
  readonly spec: unknown;
  readonly status?: unknown;
}

export const rawThing = (name: string, version: number, rest: Partial<RawThing> = {}): RawThing => ({
  spec: { size: 1 },
  ...rest,
  metadata: { name, namespace: 'ns', uid: `uid-${name}`, resourceVersion: String(version), ...rest.metadata },
});
export const aThing = (name: string, version: number, rest: Partial<RawThing> = {}) =>
  parse(rawThing(name, version, rest));
