/** A disk image of 2 GiB in qcow2 format, as far as anybody looks at it: something irregular, and many zeros. */
const HEADER = Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), Buffer.alloc(24)]);
HEADER.writeBigUInt64BE(2n ** 31n, 24);
const IRREGULAR = Buffer.alloc(2_000);
for (let i = 0; i < 500; i += 1) IRREGULAR.writeUInt32LE((i * 2_654_435_761) % 65_521, i * 4);

export const diskImage = Buffer.concat([HEADER, IRREGULAR, Buffer.alloc(300_000), Buffer.from('end')]);

/** As it arrives over a network. */
export async function* inPieces(bytes: Buffer, size = 16 * 1024): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield Promise.resolve(bytes.subarray(at, at + size));
}

export async function joined(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
