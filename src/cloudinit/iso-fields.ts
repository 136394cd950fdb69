/** Fields of ISO 9660: numbers, texts and dates as bytes. */

export const SECTOR = 2048;

export const ascii = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));
export const ucs2 = (text: string): Uint8Array =>
  Uint8Array.from(
    { length: text.length * 2 },
    (_, at) => (text.charCodeAt(at >> 1) >> (at % 2 === 0 ? 8 : 0)) & 0xff,
  );
export const le = (value: number, width: number): number[] =>
  Array.from({ length: width }, (_, at) => Math.floor(value / 256 ** at) % 256);
/** Most numbers are stored twice, in both byte orders. */
export const both = (value: number, width: number): number[] => [
  ...le(value, width),
  ...le(value, width).reverse(),
];
export const sectors = (size: number): number => Math.ceil(size / SECTOR);

export const shortDate = (at: Date): number[] => [
  at.getUTCFullYear() - 1900,
  at.getUTCMonth() + 1,
  at.getUTCDate(),
  at.getUTCHours(),
  at.getUTCMinutes(),
  at.getUTCSeconds(),
  0,
];
export const longDate = (at: Date): number[] => [
  ...ascii(at.toISOString().replace(/\D/g, '').slice(0, 16)),
  0,
];
