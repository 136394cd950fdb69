/** Schemas for PVE's scalars: flags are 0 and 1, numbers are sometimes strings, absent values are sometimes null. */
import { z } from 'zod';
import { readable } from '../lib/readable.ts';
import { bytes, nodeName, upid, vmid, type Bytes } from '../lib/units.ts';
import type { KnownTexts } from './known-texts.ts';

const TRUE = new Set(['1', 'on', 'yes', 'true']);

/** PVE writes true as 1, "1" or true, and false as 0, "" or not at all. */
export const Flag = z
  .union([z.boolean(), z.number(), z.string(), z.null()])
  .optional()
  .transform((value) => TRUE.has(String(value).toLowerCase()));

/** 4, "4" or, for loads and ratios, 0.25. */
export const Num = z.union([
  z.number(),
  z
    .string()
    .max(32)
    .regex(/^-?\d+(\.\d+)?(e-?\d+)?$/i)
    .transform(Number)
    .pipe(z.number()),
]);
export const Int = Num.pipe(z.int());
export const Size = Num.pipe(z.int().min(0)).transform(bytes);

/**
 * Strings that PVE's Perl may have serialized as numbers. Halves of characters are replaced, as the API server would: it
 * would always report something else than what was written.
 */
export const Text = z.union([
  z.string().transform((text) => text.toWellFormed()),
  z.number().transform(String),
]);

/** Control characters, marks that change the direction of writing, and halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** @param max as in our status, which the API server refuses as a whole if a text in it is longer */
function wordOf(max: number): z.ZodType<string> {
  const pattern = new RegExp(String.raw`^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{0,${max}}$`, 'u');
  return z.union([z.string().regex(pattern), z.number().transform(String)]);
}

/** A name, which is reported as it is: none in PVE is longer, and all can be printed. */
export const Word = wordOf(255);
/** A state, such as `running`. */
export const State = wordOf(32);

/** A sentence of PVE's, or a line of a log: what is reported of it. */
export const Sentence = Text.transform((text) => readable(text, MAX_SENTENCE));
const MAX_SENTENCE = 400;

/** An optional member: `undefined` if it is absent, null or does not match. */
export const maybe = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  schema
    .nullish()
    .catch(undefined)
    .transform((value) => value ?? undefined);

const HIGHEST_VMID = 999_999_999;
export const VmidText = Int.pipe(z.int().min(1).max(HIGHEST_VMID)).transform(vmid);

const NODE = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
export const NodeText = z.string().max(63).regex(NODE).transform(nodeName);
export const StorageText = wordOf(100).pipe(z.string().min(1));
export const UpidText = Word.pipe(z.string().startsWith('UPID:')).transform(upid);

/** PVE returns null if no background task was needed, and in versions before the method became a task. */
export const MaybeUpid = UpidText.nullish().transform((value) => value ?? undefined);
export const Nothing = z.unknown().transform(() => undefined);

/** What an element of a list says. */
export interface Element {
  /** Its member `type`, if it has one. */
  readonly type: string | undefined;
  /** `undefined`: it does not match. */
  readonly parsed: { readonly value: unknown } | undefined;
}

/** How single elements of a list, or members of an object, are parsed. */
export interface Elements {
  readonly isObject: boolean;
  readonly parse: (value: unknown) => Element['parsed'];
  /** Those that were read before; absent: each is parsed. */
  readonly known?: KnownTexts<Element>;
}

/** By schema: of lists and objects that are long, so that they are parsed one element at a time. */
const elementsBySchema = new WeakMap<object, Elements>();
/** Lists and objects whose elements were parsed one at a time. */
const parsedAs = new WeakMap<object, Elements>();

export const elementsOfSchema = (schema: object): Elements | undefined => elementsBySchema.get(schema);

/** The schema of these elements takes the value as it is from now on. */
export function markParsed<T extends object>(value: T, as: Elements): T {
  parsedAs.set(value, as);
  return value;
}

/** The schema for one by one, or for all at once. */
function inElements<T>(
  whole: z.ZodType<T>,
  element: z.ZodType,
  options: Pick<Elements, 'isObject' | 'known'>,
): z.ZodType<T> {
  const elements: Elements = {
    ...options,
    parse(value) {
      const result = element.safeParse(value);
      return result.success ? { value: result.data } : undefined;
    },
  };
  const isParsed = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && parsedAs.get(value) === elements;
  const schema = z.union([z.custom<T>(isParsed), whole]);
  elementsBySchema.set(schema, elements);
  return schema;
}

/** A list without the rows that do not match: one unexpected row must not hide the others. */
export const rows = <T extends z.ZodType>(
  row: T,
  /** For a list that is read again and again. */
  known?: KnownTexts<Element>,
): z.ZodType<z.output<T>[]> =>
  inElements(
    z.array(z.unknown()).transform((list) =>
      list.flatMap((item) => {
        const parsed = row.safeParse(item);
        return parsed.success ? [parsed.data] : [];
      }),
    ),
    row,
    { isObject: false, ...(known && { known }) },
  );

/** An object with any number of members of one kind, without those that do not match. */
export const members = <T extends z.ZodType>(member: T): z.ZodType<Record<string, z.output<T>>> =>
  inElements(z.record(z.string(), member), member, { isObject: true });

const SEPARATORS = /[;,\s]+/;

const MAX_LISTED = 128;
const MAX_LIST_LENGTH = 4096;

/** A list in one string: tags (`a;b`), content types of a storage (`iso,images`). */
export const TextList = Text.transform((text) =>
  text
    .slice(0, MAX_LIST_LENGTH)
    .split(SEPARATORS, MAX_LISTED)
    .filter((word) => word !== '' && !UNSEEN.test(word)),
);

/** Before the year 10000: what comes later has another form as text. */
const LAST_SECOND = 253_402_300_799;
export const epochSeconds = Num.pipe(z.number().min(0).max(LAST_SECOND)).transform((value) => value * 1000);

/** Path parameters. The patterns reject anything that would change the meaning of the path. */
export const NodeParam = z.string().regex(NODE, 'not a node name');
export const StorageParam = z.string().regex(/^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]$/, 'not a storage ID');
export const VmidParam = z.int().min(1).max(HIGHEST_VMID);

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** Parses a size in a disk string, such as `32G`, `528K` or a number of bytes. */
export function parseSize(text: string): Bytes | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ''];
  if (!match?.[1] || unit === undefined) return undefined;
  return bytes(Math.round(Number(match[1]) * unit));
}

/** Prints the shortest exact form: `32G`, `3584M`, `1000` (bytes). */
export function printSize(size: Bytes): string {
  const unit = ['T', 'G', 'M', 'K'].find((name) => size > 0 && size % (UNITS[name] ?? 1) === 0) ?? '';
  return `${size / (UNITS[unit] ?? 1)}${unit}`;
}
