/** Keys of a configuration write, and merging them. Pure. */

export interface Keys {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
}

export const NO_KEYS: Keys = { set: {}, delete: [] };

/** `undefined`: nothing is written. */
export const nonEmpty = <K extends Keys>(keys: K): K | undefined =>
  Object.keys(keys.set).length + keys.delete.length > 0 ? keys : undefined;

export const limitedTo = <K extends Keys>(keys: K, isKept: (key: string) => boolean): K => ({
  ...keys,
  set: Object.fromEntries(Object.entries(keys.set).filter(([key]) => isKept(key))),
  delete: keys.delete.filter(isKept),
});

/** What is set is limited to some keys. */
export const settingOnly = <K extends Keys>(keys: K, isKept: (key: string) => boolean): K => ({
  ...keys,
  set: Object.fromEntries(Object.entries(keys.set).filter(([key]) => isKept(key))),
});

export const mergeKeys = (...parts: readonly Keys[]): Keys => ({
  set: parts.reduce((all, { set }) => ({ ...all, ...set }), {}),
  delete: [...new Set(parts.flatMap((part) => part.delete))],
});
