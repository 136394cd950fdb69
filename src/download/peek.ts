/** Looks at the beginning of a stream without losing it. */

export interface Peeked {
  /** At least as many bytes as were asked for, unless the stream is shorter. */
  readonly head: Buffer;
  /** The whole stream. It can be read once. */
  readonly all: AsyncIterable<Buffer>;
}

export async function peek(stream: AsyncIterable<Buffer>, bytes: number): Promise<Peeked> {
  const pieces = stream[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const next = await pieces.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  return { head: Buffer.concat(first), all: followed(first, pieces) };
}

async function* followed(
  first: readonly Buffer[],
  pieces: AsyncIterator<Buffer, unknown>,
): AsyncGenerator<Buffer, void> {
  try {
    yield* first;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
  } finally {
    await pieces.return?.();
  }
}
