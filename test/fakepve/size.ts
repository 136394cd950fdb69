const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;

/** Bytes of `20G`, `528K`, `1.5T` or a bare number of bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  return match ? Math.floor(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1)) : undefined;
}

/** The largest unit without remainder, as PVE writes sizes to configurations. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const size = UNITS[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** Volume sizes are rounded up to KiB. */
export const wholeKiB = (bytes: number): number => Math.ceil(bytes / 1024) * 1024;
