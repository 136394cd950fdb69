/** PVE's scalars as they travel: flags as 0 and 1, numbers sometimes as strings, absent values sometimes as null. */
import { z } from 'zod';
import { bytes, nodeName, upid, vmid, type Bytes } from '../lib/units.ts';

const TRUE = new Set(['1', 'on', 'yes', 'true']);

/** PVE writes 1, "1" or true, and leaves false out or writes 0 or "". */
export const Flag = z
  .union([z.boolean(), z.number(), z.string(), z.null()])
  .optional()
  .transform((value) => TRUE.has(String(value).toLowerCase()));

/** PVE writes 4 or "4" or, for loads and shares, 0.25. */
export const Num = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+(\.\d+)?(e-?\d+)?$/i)
    .transform(Number),
]);
export const Int = Num.pipe(z.int());
export const Size = Int.transform(bytes);

/** Names and texts that PVE's Perl may have turned into numbers on the way. */
export const Text = z.union([z.string(), z.number().transform(String)]);

/** An optional member: absent, null and unreadable all mean "not told". */
export const maybe = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  schema
    .nullish()
    .catch(undefined)
    .transform((value) => value ?? undefined);

export const VmidText = Int.pipe(z.int().min(1)).transform(vmid);
export const NodeText = z.string().min(1).transform(nodeName);
export const UpidText = z.string().startsWith('UPID:').transform(upid);

/** PVE answers with null where nothing was left to do in the background, and before a method became a task. */
export const MaybeUpid = UpidText.nullish().transform((value) => value ?? undefined);
export const Nothing = z.unknown().transform(() => undefined);

/** A list whose unreadable rows are left out: one odd row must not hide all others. */
export const rows = <T extends z.ZodType>(row: T): z.ZodType<z.output<T>[]> =>
  z.array(z.unknown()).transform((list) =>
    list.flatMap((item) => {
      const parsed = row.safeParse(item);
      return parsed.success ? [parsed.data] : [];
    }),
  );

const SEPARATORS = /[;,\s]+/;

/** Lists in one string: tags (`a;b`), contents of a storage (`iso,images`). */
export const Words = Text.transform((text) => text.split(SEPARATORS).filter((word) => word !== ''));

export const epochSeconds = Num.transform((value) => value * 1000);

/** Parameters that become part of the path: what would change the path's meaning never gets there. */
export const NodeParam = z.string().regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/, 'not a node name');
export const StorageParam = z.string().regex(/^[a-zA-Z][a-zA-Z0-9._-]*$/, 'not a storage ID');
export const VmidParam = z.int().min(1).max(999_999_999);

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** A size in a disk string, such as `32G`, `528K` or a plain number of bytes; `undefined` if it is none. */
export function parseSize(text: string): Bytes | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ''];
  if (!match?.[1] || unit === undefined) return undefined;
  return bytes(Math.round(Number(match[1]) * unit));
}

/** The shortest exact form: `32G`, `3584M`, `1000` (bytes). */
export function printSize(size: Bytes): string {
  const unit = ['T', 'G', 'M', 'K'].find((name) => size > 0 && size % (UNITS[name] ?? 1) === 0) ?? '';
  return `${size / (UNITS[unit] ?? 1)}${unit}`;
}

/** PVE keeps SSH keys percent-encoded inside the value, one key a line. The transport's own encoding comes on top. */
export const encodeSshKeys = (keys: readonly string[]): string =>
  encodeURIComponent(keys.map((key) => key.trim()).join('\n'));

export const decodeSshKeys = (value: string): readonly string[] => {
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
  try {
    return lines(decodeURIComponent(value));
  } catch {
    return lines(value); // was never encoded
  }
};
