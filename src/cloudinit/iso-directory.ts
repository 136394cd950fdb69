/** Directories of ISO 9660: their records, and how they fill sectors. */
import { both, SECTOR, sectors, shortDate } from './iso-fields.ts';

export interface Extent {
  readonly sector: number;
  readonly size: number;
}

export interface Entry extends Extent {
  readonly id: Uint8Array;
  readonly flags: number;
  /** The System Use field, which contains the Rock Ridge entries. */
  readonly systemUse: Uint8Array;
}

export function directoryRecord(entry: Entry, at: Date): Uint8Array {
  const padding = entry.id.length % 2 === 0 ? 1 : 0;
  const length = 33 + entry.id.length + padding + entry.systemUse.length;
  const even = length + (length % 2);
  const record = new Uint8Array(even);
  record.set([even, 0, ...both(entry.sector, 4), ...both(entry.size, 4), ...shortDate(at), entry.flags]);
  record.set([...both(1, 2), entry.id.length, ...entry.id], 28);
  record.set(entry.systemUse, 33 + entry.id.length + padding);
  return record;
}

/** Concatenates records. A record must not cross a sector boundary. */
export function directory(records: readonly Uint8Array[]): Uint8Array {
  const offsets: number[] = [];
  let end = 0;
  for (const record of records) {
    const left = SECTOR - (end % SECTOR);
    const start = record.length > left ? end + left : end;
    offsets.push(start);
    end = start + record.length;
  }
  const bytes = new Uint8Array(sectors(end) * SECTOR);
  records.forEach((record, index) => bytes.set(record, offsets[index] ?? 0));
  return bytes;
}
