/** The part of `unbzip2-stream` that decompresses one block, without the stream around it, which keeps whole blocks. */
declare module 'unbzip2-stream/lib/bzip2.js' {
  /** Reads that many bits; `null`: skips to the next byte. */
  export type Bits = (count: number | null) => number;
  interface Bzip2 {
    /** Reads the header of a stream. @returns the size of a block in units of 100,000 bytes */
    header(bits: Bits): number;
    /**
     * Decompresses one block.
     * @returns the checksum of the stream so far; `null`: there was no further block, and the checksum was right
     */
    decompress(
      bits: Bits,
      write: (byte: number) => void,
      block: Int32Array,
      size: number,
      checksum: number,
    ): number | null;
  }
  const bzip2: Bzip2;
  export default bzip2;
}
