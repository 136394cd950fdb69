/** Decompresses xz with xz-embedded as WebAssembly, also where several streams follow each other. */
import { ReadableStream } from 'node:stream/web';
import xz from 'xz-decompress';
import { DecompressError, type Pipe } from './pipe.ts';

/** Larger pieces are copied once more for each 64 KiB. */
const MAX_PIECE = 64 * 1024;
/** What the library gives at a time is this much. */
const PIECE = 128 * 1024;

export async function decompressXz(pipe: Pipe): Promise<void> {
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pipe.read();
        if (!piece) {
          controller.close();
          return;
        }
        for (let at = 0; at < piece.length; at += MAX_PIECE)
          controller.enqueue(piece.subarray(at, at + MAX_PIECE));
      },
    },
    { highWaterMark: 0 },
  );
  const output = joined(pipe);
  try {
    for await (const chunk of new xz.XzReadableStream(source)) output.write(chunk);
  } catch (error) {
    throw problemIn(error);
  }
  output.flush();
}

/** Pieces as large as the messages between threads are worth. */
function joined(pipe: Pipe) {
  const piece = new Uint8Array(PIECE);
  let length = 0;
  const flush = (): void => {
    if (length > 0) pipe.write(piece.slice(0, length));
    length = 0;
  };
  const write = (chunk: Uint8Array): void => {
    if (length + chunk.length > PIECE) flush();
    piece.set(chunk, length);
    length += chunk.length;
  };
  return { write, flush };
}

/** `enum xz_ret` of xz-embedded, in the text of the error. */
const CODES: Readonly<Record<string, DecompressError['problem']>> = {
  '3': { kind: 'unsupported', message: 'it needs more memory than there is' },
  '4': {
    kind: 'unsupported',
    message:
      'its dictionary is larger than 64 MiB, so that much memory would be needed. Compress it with xz -9 or less, which needs at most 64 MiB',
  },
  // Of an integrity check, too.
  '6': {
    kind: 'unsupported',
    message:
      'it has filters or integrity checks that are not supported. Compress it with xz, without options such as --x86 and --check=sha256',
  },
};

function problemIn(error: unknown): DecompressError {
  const text = error instanceof Error ? error.message : '';
  const { kind, message } = CODES[/error code (\d+)/.exec(text)?.[1] ?? ''] ?? {
    kind: 'broken',
    message: 'it is no valid xz file, or it is damaged or truncated',
  };
  return new DecompressError(kind, message);
}
