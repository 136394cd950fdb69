/**
 * Reads the disk image at a URL: fetched, decompressed, measured and verified, piece by piece. Its last piece is given
 * only once all of it is known to be right, so that what was not verified is never complete.
 */
import { createHash, type Hash } from 'node:crypto';
import { decompress } from './decompress/decompress.ts';
import { DecompressError } from './decompress/pipe.ts';
import { fetchSource, type FetchOptions, type Source } from './fetch.ts';
import {
  compressionIn,
  compressionOf,
  contentOf,
  contentProblem,
  HEAD_BYTES,
  type DiskFormat,
} from './formats.ts';
import { DownloadProblem, failed, refused } from './problem.ts';
import { peek } from './peek.ts';

/** Of the decompressed image. */
export interface Measured {
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** Of the file as it is on the server. */
export interface Checksum {
  readonly algorithm: string;
  /** In hexadecimal. */
  readonly digits: string;
}

export interface ReadProgress {
  /** Of the file as it is on the server. */
  readonly bytes: number;
  /** Absent: the server does not say how large the file is. */
  readonly total?: number | undefined;
}

export interface ReadOptions extends FetchOptions {
  readonly source: Source;
  readonly checksum?: Checksum | undefined;
  /** What the image has to be. */
  readonly format: DiskFormat;
  /** Of the file, and of what it is decompressed to. */
  readonly maxBytes: number;
  /** What an earlier pass found. Absent: it is the first. */
  readonly expected?: Measured | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** @throws DownloadProblem; the signal's reason if the signal fires */
export async function* readImage(options: ReadOptions): AsyncGenerator<Buffer, Measured> {
  const fetched = await fetchSource(options.source, options);
  const file = checkedFile(options, fetched.length);
  try {
    return yield* readFile(file.through(fetched.body), file, options);
  } catch (error) {
    throw error instanceof DecompressError ? undecompressable(error) : error;
  } finally {
    await fetched.close();
  }
}

/** Reads all of it and keeps nothing. */
export async function measure(image: AsyncGenerator<unknown, Measured>): Promise<Measured> {
  for (;;) {
    const { done, value } = await image.next();
    if (done === true) return value;
  }
}

async function* readFile(
  file: AsyncIterable<Buffer>,
  checks: Pick<CheckedFile, 'verify'>,
  { source, format, maxBytes, expected }: ReadOptions,
): AsyncGenerator<Buffer, Measured> {
  const hash = createHash('sha256');
  let bytes = 0;
  let held: Buffer | undefined;
  for await (const piece of await diskImage(file, source.url, format)) {
    if (held) yield held;
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    hash.update(piece);
    held = piece;
  }
  checks.verify();
  const found = { bytes, sha256: hash.digest('hex') };
  if (expected && (expected.bytes !== found.bytes || expected.sha256 !== found.sha256))
    throw failed(
      'The file at the URL is another one than it was a moment ago. It is read again; set spec.download.checksum, and a URL whose file does not change.',
    );
  if (!held) throw refused('The file is empty. Correct spec.download.url.');
  yield held;
  return found;
}

async function diskImage(
  file: AsyncIterable<Buffer>,
  url: string,
  format: DiskFormat,
): Promise<AsyncIterable<Buffer>> {
  const received = await peek(file, HEAD_BYTES);
  const compression = compressionOf(received.head);
  const isNamedSo = compressionIn(url) !== undefined;
  const image = compression ? await peek(decompress(compression, received.all), HEAD_BYTES) : received;
  const content = contentOf(image.head);
  const problem = contentProblem(content, format);
  // A web page is none of these either, and says more.
  if (isNamedSo && !compression && content !== 'html')
    throw refused('The file is not compressed as the ending of its URL says. Correct spec.download.url.');
  if (problem !== undefined) throw refused(problem);
  return image.all;
}

interface CheckedFile {
  through(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void>;
  /** @throws DownloadProblem if what came is not what was promised */
  verify(): void;
}

function checkedFile(
  { checksum, maxBytes, onProgress }: ReadOptions,
  total: number | undefined,
): CheckedFile {
  const hash = checksum && hashOf(checksum);
  let bytes = 0;
  return {
    async *through(body) {
      if (total !== undefined && total > maxBytes) throw tooLarge(maxBytes);
      for await (const piece of body) {
        bytes += piece.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        hash?.update(piece);
        onProgress?.({ bytes, total });
        yield piece;
      }
    },
    verify() {
      if (total !== undefined && bytes !== total)
        throw failed(`The server sent ${bytes} bytes of ${total}. It is tried again.`);
      const found = hash?.digest('hex');
      if (checksum && found !== checksum.digits.toLowerCase())
        throw new DownloadProblem(
          'ChecksumMismatch',
          `The ${checksum.algorithm} checksum of the file is ${String(found)}, and spec.download.checksum says ${checksum.digits.toLowerCase()}. If the file was replaced on purpose, correct spec.download.checksum; otherwise do not use it.`,
        );
    },
  };
}

function hashOf({ algorithm }: Checksum): Hash {
  try {
    return createHash(algorithm);
  } catch (error) {
    throw refused(`Checksums with ${algorithm} are not supported here. Use sha256.`, error);
  }
}

const tooLarge = (maxBytes: number): DownloadProblem =>
  refused(
    `The image has more than ${maxBytes} bytes, as it is or decompressed. Set spec.download.maxSize to what it may have.`,
  );

const undecompressable = ({ problem }: DecompressError): DownloadProblem =>
  problem.kind === 'unsupported'
    ? refused(`The file cannot be decompressed: ${problem.message}.`)
    : refused(
        `The file cannot be decompressed: ${problem.message}. Replace it on its server, or correct spec.download.url.`,
      );
