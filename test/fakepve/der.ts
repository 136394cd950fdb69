/** The few types of ASN.1 that a certificate consists of, in the distinguished encoding. */

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length < 0x80 ? [] : length < 0x100 ? [0x81] : [0x82, length >> 8];
  return Buffer.concat([Buffer.from([tag, ...long, length & 0xff]), content]);
}

const SEQUENCE = 0x30;
const SET = 0x31;

export const sequence = (...items: readonly Buffer[]): Buffer => tagged(SEQUENCE, Buffer.concat(items));
export const set = (...items: readonly Buffer[]): Buffer => tagged(SET, Buffer.concat(items));
export const octets = (content: Buffer): Buffer => tagged(0x04, content);
export const text = (value: string): Buffer => tagged(0x0c, Buffer.from(value));
export const TRUE = tagged(0x01, Buffer.from([0xff]));

/** A non-negative number: the first bit is the sign. */
export const integer = (bytes: Buffer): Buffer =>
  tagged(0x02, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));

export const bits = (content: Buffer, unused = 0): Buffer =>
  tagged(0x03, Buffer.concat([Buffer.from([unused]), content]));

/** `[number]`: a part that its place does not identify. */
export const part = (number: number, content: Buffer): Buffer => tagged(0xa0 + number, content);
export const plainPart = (number: number, content: Buffer): Buffer => tagged(0x80 + number, content);

/** Until the year 2049. */
export const time = (at: Date): Buffer =>
  tagged(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

/** An object identifier, such as `2.5.29.17`. */
export function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((value) => {
    const groups = [value & 0x7f];
    for (let left = value >> 7; left > 0; left >>= 7) groups.unshift(0x80 | (left & 0x7f));
    return groups;
  });
  return tagged(0x06, Buffer.from(bytes));
}
