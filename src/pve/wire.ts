/** Schemas for PVE's scalars: flags are 0 and 1, numbers are sometimes strings, absent values are sometimes null. */
import { z } from 'zod';
import { bytes, nodeName, upid, vmid, type Bytes } from '../lib/units.ts';

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
    .regex(/^-?\d+(\.\d+)?(e-?\d+)?$/i)
    .transform(Number),
]);
export const Int = Num.pipe(z.int());
export const Size = Int.transform(bytes);

/** Strings that PVE's Perl may have serialized as numbers. */
export const Text = z.union([z.string(), z.number().transform(String)]);

/** An optional member: `undefined` if it is absent, null or does not match. */
export const maybe = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  schema
    .nullish()
    .catch(undefined)
    .transform((value) => value ?? undefined);

export const VmidText = Int.pipe(z.int().min(1)).transform(vmid);
export const NodeText = z.string().min(1).transform(nodeName);
export const UpidText = z.string().startsWith('UPID:').transform(upid);

/** PVE returns null if no background task was needed, and in versions before the method became a task. */
export const MaybeUpid = UpidText.nullish().transform((value) => value ?? undefined);
export const Nothing = z.unknown().transform(() => undefined);

/** A list without the rows that do not match: one unexpected row must not hide the others. */
export const rows = <T extends z.ZodType>(row: T): z.ZodType<z.output<T>[]> =>
  z.array(z.unknown()).transform((list) =>
    list.flatMap((item) => {
      const parsed = row.safeParse(item);
      return parsed.success ? [parsed.data] : [];
    }),
  );

const SEPARATORS = /[;,\s]+/;

/** A list in one string: tags (`a;b`), content types of a storage (`iso,images`). */
export const TextList = Text.transform((text) => text.split(SEPARATORS).filter((word) => word !== ''));

export const epochSeconds = Num.transform((value) => value * 1000);

/** Path parameters. The patterns reject anything that would change the meaning of the path. */
export const NodeParam = z.string().regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/, 'not a node name');
export const StorageParam = z.string().regex(/^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]$/, 'not a storage ID');
export const VmidParam = z.int().min(1).max(999_999_999);

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
