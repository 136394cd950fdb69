/** The door: what the API server holds, checked against the kind's schemas. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { ANNOTATION_PREFIX } from '../api/annotations.ts';
import { INITIAL_STATUS } from '../api/conditions.ts';
import type { Kind } from '../api/kind.ts';
import type { Condition } from '../runtime/conditions.ts';
import type { Readable, Resource } from '../runtime/controller.ts';
import type { Entry } from '../runtime/object-store.ts';
import { readable } from './readable.ts';
import { apiVersionOf, ownResource } from './resource.ts';
import { salvage } from './salvage.ts';
import { readStatus, type RawStatus } from './status.ts';

/** An object of a kind as controllers see it. */
export type ResourceOf<Spec extends z.ZodType, Status extends z.ZodType> = Resource<
  z.output<Spec>,
  z.output<Status>
>;

const Text = z.record(z.string(), z.string());
const Members = z.custom<object>((value) => typeof value === 'object' && value !== null);

/** The API server limits their length, not their number: an object may have a hundred thousand, and each event has all. */
const MAX_LABELS = 1000;

const firstOf = (labels: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.keys(labels)
      .slice(0, MAX_LABELS)
      .map((name) => [name, Reflect.get(labels, name)]),
  );

/**
 * There may be 256 KiB of others, such as the copy of the manifest that `kubectl apply` keeps: they are neither validated
 * nor kept nor compared.
 */
function ours(annotations: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => name.startsWith(ANNOTATION_PREFIX)),
  );
}

/** Only what is named here is kept; managedFields, which are often longer than the object, are not. */
export const Metadata = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().default(0),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  finalizers: z.array(z.string()).default([]),
  labels: Members.transform(firstOf).pipe(Text).default({}),
  annotations: Members.transform(ours).pipe(Text).default({}),
});

/** What the API server sets by default says nothing: such an object has no status yet. */
const withoutInitial = (status: RawStatus | undefined): RawStatus | undefined =>
  status && isDeepStrictEqual(status, INITIAL_STATUS) ? undefined : status;

const Raw = z.object({
  metadata: Metadata,
  spec: z.unknown().transform((spec) => spec ?? {}),
  status: z.record(z.string(), z.unknown()).optional().transform(withoutInitial),
});

const StoredCondition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string(),
  observedGeneration: z.int(),
});

export type Parse<O extends Resource> = (raw: unknown) => Entry<O>;

/** The entry with another status, which we ourselves made. */
export type Restate<O extends Resource> = (entry: Entry<O>, rawStatus: RawStatus) => Entry<O>;

export function restaterOf<Spec extends z.ZodType, Status extends z.ZodType>(
  kind: Kind<Spec, Status>,
): Restate<ResourceOf<Spec, Status>> {
  return ({ object, salvaged, ...entry }, rawStatus) => {
    const status = kind.status.parse(rawStatus);
    return {
      ...entry,
      rawStatus,
      partial: { ...entry.partial, status },
      conditions: conditionsIn(rawStatus),
      ...(object && { object: { ...object, status } }),
      ...(salvaged && { salvaged: { ...salvaged, status } }),
    };
  };
}

/** Never refuses an object because of its spec or status: the entry contains what is wrong with them. */
export function parserOf<Spec extends z.ZodType, Status extends z.ZodType>(
  kind: Kind<Spec, Status>,
): Parse<ResourceOf<Spec, Status>> {
  const apiVersion = apiVersionOf(ownResource(kind));
  return (raw) => {
    const { metadata, spec: rawSpec, status: rawStatus } = Raw.parse(raw);
    const head = { apiVersion, kind: kind.kind, metadata };
    const base = {
      key: `${metadata.namespace}/${metadata.name}`,
      metadata,
      rawStatus,
      conditions: conditionsIn(rawStatus),
    };
    const spec = kind.spec.safeParse(rawSpec);
    const status = readStatus(kind, rawStatus);
    const rest = status.data === undefined ? {} : { status: status.data };
    if (spec.success && !status.error) {
      const object = { ...head, spec: spec.data, ...rest };
      return { ...base, object, partial: object };
    }
    const partial: Readable<ResourceOf<Spec, Status>> = {
      ...head,
      spec: spec.data ?? readable(kind.spec, rawSpec, kind.whole),
      ...(status.error ? { status: readable(kind.status, rawStatus) } : rest),
    };
    const problem = problemsOf({ spec: spec.error, status: status.error });
    // A status without some of its fields might lack the very one that names what we made.
    if (status.error) return { ...base, partial, problem, isStatusUnreadable: true };
    const left = salvage(kind.spec, carefully(rawSpec, kind), kind.whole);
    return { ...base, partial, problem, ...(left && { salvaged: { ...head, spec: left.value, ...rest } }) };
  };
}

/** With the careful value of every field that means more when it is missing than when it cannot be read. */
function carefully(rawSpec: unknown, { spec, whole, whenUnreadable = {} }: Kind): unknown {
  const given = z.record(z.string(), z.unknown()).safeParse(rawSpec).data ?? {};
  const left = z.record(z.string(), z.unknown()).safeParse(salvage(spec, rawSpec, whole)?.value).data ?? {};
  const lost = Object.entries(whenUnreadable).filter(
    ([name]) => given[name] !== undefined && left[name] === undefined,
  );
  return lost.length === 0 ? rawSpec : { ...given, ...Object.fromEntries(lost) };
}

function conditionsIn(status: RawStatus | undefined): readonly Condition[] {
  const { data = [] } = z.array(z.unknown()).safeParse(status?.['conditions']);
  return data.flatMap((condition) => StoredCondition.safeParse(condition).data ?? []);
}

/** A longer list does not help: the first corrections often resolve the rest. */
const MAX_PROBLEMS = 5;

const problemsOf = (errors: Readonly<Record<'spec' | 'status', z.ZodError | undefined>>): string =>
  Object.entries(errors)
    .flatMap(([part, error]) => (error ? [problemOf(part, error)] : []))
    .join(' ');

function problemOf(part: string, { issues }: z.ZodError): string {
  const listed = issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => `${[part, ...path.map(String)].join('.')}: ${message}`);
  const more = issues.length - listed.length;
  return `${listed.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
}
