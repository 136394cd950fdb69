/** Decompresses bzip2, one block of at most 900 kB after the other, also where several streams follow each other. */
import bzip2, { type Bits } from 'unbzip2-stream/lib/bzip2.js';
import { DecompressError, type Pipe } from './pipe.ts';

const PIECE = 128 * 1024;
const UNIT = 100_000;

/** Runs in a worker thread: it never waits, and a block takes a tenth of a second. */
export function decompressBz2(pipe: Pipe): void {
  const input = bitReader(pipe);
  const output = byteWriter(pipe);
  try {
    do stream(input.bits, output.write);
    while (!input.isAtEnd());
  } catch (error) {
    if (error instanceof DecompressError) throw error;
    throw new DecompressError('broken', 'it is no valid bzip2 file, or it is damaged');
  }
  output.flush();
}

function stream(bits: Bits, write: (byte: number) => void): void {
  const size = UNIT * bzip2.header(bits);
  const block = new Int32Array(size);
  for (let checksum: number | null = 0; checksum !== null;)
    checksum = bzip2.decompress(bits, write, block, size, checksum);
}

/** Whole bytes are kept in advance, as a bit costs as much as several: nearly all of the time goes into this. */
function bitReader(pipe: Pipe) {
  let piece: Uint8Array = new Uint8Array();
  let at = 0;
  /** The last `left` bits have not been read. */
  let kept = 0;
  let left = 0;
  const isAtEnd = (): boolean => {
    if (at < piece.length) return false;
    piece = pipe.read() ?? new Uint8Array();
    at = 0;
    return piece.length === 0;
  };
  const fill = (): void => {
    if (isAtEnd()) throw new DecompressError('broken', 'it ends before its end, as if it were truncated');
    kept = (kept << 8) | (piece[at++] ?? 0);
    left += 8;
  };
  const few = (count: number): number => {
    while (left < count) fill();
    left -= count;
    return (kept >>> left) & ((1 << count) - 1);
  };
  const bits: Bits = (count) => {
    if (count === null) {
      left -= left % 8;
      return 0;
    }
    if (count <= 16) return few(count);
    const high = few(count - 16);
    return (high << 16) | few(16);
  };
  return { bits, isAtEnd: () => left === 0 && isAtEnd() };
}

function byteWriter(pipe: Pipe) {
  let piece = new Uint8Array(PIECE);
  let length = 0;
  const flush = (): void => {
    if (length === 0) return;
    pipe.write(length === PIECE ? piece : piece.slice(0, length));
    piece = new Uint8Array(PIECE);
    length = 0;
  };
  const write = (byte: number): void => {
    piece[length++] = byte;
    if (length === PIECE) flush();
  };
  return { write, flush };
}
