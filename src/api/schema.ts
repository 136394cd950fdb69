/**
 * The words our schemas are made of. Each carries its rule twice, side by side: as CEL for the API server
 * and as a predicate for zod; a round trip against a real API server proves that they agree.
 */
import { z } from 'zod';
import { durationPattern, parseDuration } from '../lib/duration.ts';
import type { Result } from '../lib/result.ts';
import { formatQuantity, parseQuantity } from '../lib/quantity.ts';
import { minutes, nodeName, seconds, vmid, type Bytes } from '../lib/units.ts';

interface Validation {
  readonly rule: string;
  readonly message: string;
}

declare module 'zod' {
  interface GlobalMeta {
    /** Replaces what zod would generate: for types that only Kubernetes has. */
    readonly crd?: Readonly<Record<string, unknown>>;
    readonly maxLength?: number;
    readonly maxProperties?: number;
    readonly format?: string;
    readonly 'x-kubernetes-validations'?: readonly Validation[];
    readonly 'x-kubernetes-list-type'?: 'map' | 'atomic';
    readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  }
}

type Meta = Readonly<Record<string, unknown>>;

/** What a schema says of itself for the CRD; of a transformed or optional one, what is said of what a user writes. */
function metaOf(schema: z.core.$ZodType): Meta {
  const own = z.globalRegistry.get(schema) ?? {};
  if (schema instanceof z.ZodPipe) return { ...metaOf(schema.in), ...own };
  return schema instanceof z.ZodOptional ? { ...metaOf(schema.unwrap()), ...own } : own;
}

const RULES = 'x-kubernetes-validations';

const withRule = (meta: Meta, added: Validation): Meta => {
  const earlier: unknown = meta[RULES];
  const kept: readonly unknown[] = Array.isArray(earlier) ? earlier : [];
  return { ...meta, [RULES]: [...kept, added] };
};

/** Adds a rule: `cel` is what the API server asks, `holds` what zod asks; `message` completes "<field>: …". */
export function rule<S extends z.ZodType>(
  schema: S,
  { cel, message, holds }: { cel: string; message: string; holds: (value: z.output<S>) => boolean },
): S {
  const { crd, ...meta } = metaOf(schema);
  const added = { rule: cel, message };
  return schema.refine(holds, message).meta(
    // A form of its own takes the place of everything else.
    typeof crd === 'object' ? { ...meta, crd: withRule({ ...crd }, added) } : withRule(meta, added),
  );
}

/** Free text. Kubernetes counts code points, JavaScript UTF-16 units. */
export const text = (max: number): z.ZodString =>
  z
    .string()
    .refine(
      (value) => value.length <= max || Array.from(value).length <= max,
      `must have at most ${max} characters`,
    )
    .meta({ maxLength: max });

/** One word of a known form; `pattern` is anchored and within RE2, as Go has no lookaround. */
export const word = (pattern: RegExp, max: number, message: string): z.ZodString =>
  rule(z.string().max(max), {
    cel: `self.matches(r'${pattern.source}')`,
    message,
    holds: (value) => pattern.test(value),
  });

export const list = <T extends z.ZodType>(item: T, max: number): z.ZodArray<T> =>
  z.array(item).max(max).meta({ 'x-kubernetes-list-type': 'atomic' });

/** A list whose items are identified by `key`. */
export const listMap = <K extends string, T extends z.ZodType<Readonly<Record<K, unknown>>>>(
  item: T,
  key: K,
  max: number,
): z.ZodArray<T> =>
  z
    .array(item)
    .max(max)
    .superRefine((items, ctx) => {
      const seen = new Set<unknown>();
      for (const [index, { [key]: value }] of items.entries()) {
        if (seen.has(value)) {
          ctx.addIssue({ code: 'custom', path: [index], message: `has the same ${key} as another entry` });
        }
        seen.add(value);
      }
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

const unwrap = <T>(parsed: Result<T>, ctx: z.RefinementCtx): T => {
  if ('value' in parsed) return parsed.value;
  ctx.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
};

/**
 * Without a limit the API server takes a quantity to be as long as a whole request, and refuses a CRD whose rules could
 * cost that much. Kubernetes 1.34 is the first to apply the limit of a field that is a number or a text.
 */
const MAX_QUANTITY_LENGTH = 32;

/** An amount of bytes from `min` to below `limit`, with a unit or without. */
export const quantity = (
  min: Bytes,
  limit: Bytes,
): z.ZodPipe<z.ZodUnion<readonly [z.ZodString, z.ZodNumber]>, z.ZodTransform<Bytes, string | number>> => {
  const [least, most] = [formatQuantity(min), formatQuantity(limit)];
  const message = `must be a number with a unit, for example 4Gi or 512Mi (without a space, and not GB), at least ${least} and less than ${most}`;
  return z
    .union([z.string().max(MAX_QUANTITY_LENGTH), z.number()])
    .transform((value, ctx) => {
      const size = unwrap(parseQuantity(value), ctx);
      if (size < min || size >= limit) ctx.addIssue({ code: 'custom', message });
      return size;
    })
    .meta({
      crd: {
        'x-kubernetes-int-or-string': true,
        maxLength: MAX_QUANTITY_LENGTH,
        'x-kubernetes-validations': [
          {
            rule:
              `type(self) == int ? self >= ${min} && self < ${limit} : isQuantity(self)` +
              ` && quantity(self).compareTo(quantity('${least}')) >= 0` +
              ` && quantity(self).compareTo(quantity('${most}')) < 0`,
            message,
          },
        ],
      },
    });
};

const day = seconds(86_400);

/** A time span of at most a day. */
export const duration = rule(z.string().max(32), {
  cel: `self.matches(r'${durationPattern.source}') && duration(self) <= duration('24h')`,
  message: 'must be a time span of at most 24h, for example 60s or 5m',
  holds: (value) => {
    const parsed = parseDuration(value);
    return 'value' in parsed && parsed.value <= day;
  },
}).transform((value, ctx) => unwrap(parseDuration(value), ctx));

const longSpan = /^[1-9][0-9]{0,4}(m|h|d)$/;
const MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1440 };

/** A time span that may be longer than a day. A day has 24 hours. */
export const longDuration = word(
  longSpan,
  6,
  'must be a number of minutes, hours or days, for example 90m, 36h or 30d',
).transform((value) => minutes(Number(value.slice(0, -1)) * (MINUTES[value.slice(-1)] ?? 0)));

/** A moment that we wrote ourselves, RFC 3339. */
export const moment = z.string().max(40).meta({ format: 'date-time' });

/** A moment that a user asks for something with, RFC 3339. */
export const requestTime = word(
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/,
  40,
  'must be a time, for example 2026-03-01T12:00:00Z',
);

export const vmidNumber = z.int32().min(100).max(999_999_999).transform(vmid);

const nodeNameText = word(
  /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
  63,
  'must be the name of a Proxmox VE node: letters, digits and hyphens',
);
export const node = nodeNameText.transform(nodeName);

export const storageName = word(
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]$/,
  100,
  'must be the ID of a Proxmox VE storage, for example local-lvm',
);

export const poolName = word(
  /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){0,2}$/,
  128,
  'must be the name of a Proxmox VE pool, for example k8s or k8s/web',
);

export const bridgeName = word(
  /^[a-zA-Z0-9_.-]+$/,
  15,
  'must be the name of a bridge or an SDN vnet, for example vmbr0',
);
