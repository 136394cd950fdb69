/** Kubernetes quantities as bytes: `4Gi`, `1.5G`, `4e9`, 4294967296. Pure. */
import type { Result } from './result.ts';
import { bytes, type Bytes } from './units.ts';

const decimal = ['k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const multipliers: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ...decimal.map((suffix, i): [string, bigint] => [suffix, 1000n ** BigInt(i + 1)]),
  ...binary.map((suffix, i): [string, bigint] => [suffix, 1024n ** BigInt(i + 1)]),
]);

/** Kubernetes also has nano, micro and milli. They are accepted, and fractions of a byte are dropped. */
const divisors: ReadonlyMap<string, bigint> = new Map([
  ['m', 1000n],
  ['u', 1000n ** 2n],
  ['n', 1000n ** 3n],
]);

const quantity = /^\+?([0-9]*)\.?([0-9]*)(?:(n|u|m||[kMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,9}))$/;
const malformed = 'use a number with a unit, for example 4Gi or 512Mi, without a space';
/** Ten to this power exceeds every limit and is still fast to compute. */
const maxExponent = 40;

/**
 * Parses a quantity as whole bytes; fractions of a byte are dropped. The grammar is that of Kubernetes'
 * `resource.Quantity`, so that everything that CEL's `isQuantity` accepts is accepted, except negative quantities.
 */
export function parseQuantity(text: string | number): Result<Bytes> {
  if (typeof text === 'number') return fromNumber(text);
  const [, whole = '', fraction = '', suffix = '', exponent = '0'] = quantity.exec(text) ?? [];
  if (whole + fraction === '') return { problem: `"${text}" is not a quantity: ${malformed}` };
  const power = Number(exponent);
  if (Math.abs(power) > maxExponent) return { problem: `"${text}" is out of range: ${malformed}` };
  const numerator =
    BigInt(whole + fraction) * (multipliers.get(suffix) ?? 1n) * 10n ** BigInt(Math.max(power, 0));
  const denominator =
    10n ** BigInt(fraction.length) * (divisors.get(suffix) ?? 1n) * 10n ** BigInt(Math.max(-power, 0));
  return fromNumber(Number(numerator / denominator), text);
}

function fromNumber(value: number, text: string | number = value): Result<Bytes> {
  if (Number.isInteger(value) && value < 0) return { problem: `${text} is negative: ${malformed}` };
  if (!Number.isInteger(value)) return { problem: `${text} is not a whole number of bytes: ${malformed}` };
  if (!Number.isSafeInteger(value)) return { problem: `${text} is too large` };
  return { value: bytes(value) };
}

/** Prints bytes with the largest binary unit that gives a whole number: 4294967296 is `4Gi`. */
export function formatQuantity(size: Bytes): string {
  let value: number = size;
  let unit = '';
  for (const next of binary) {
    if (value === 0 || value % 1024 !== 0) break;
    value /= 1024;
    unit = next;
  }
  return `${value}${unit}`;
}
