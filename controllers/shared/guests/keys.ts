/** Keys of a configuration write, and merging them. Pure. */

export interface Keys {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
}

export const NO_KEYS: Keys = { set: {}, delete: [] };

export const mergeKeys = (...parts: readonly Keys[]): Keys => ({
  set: parts.reduce((all, { set }) => ({ ...all, ...set }), {}),
  delete: [...new Set(parts.flatMap((part) => part.delete))],
});
