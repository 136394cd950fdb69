/** A piece of a configuration write, and how pieces become one. Pure. */

export interface Keys {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
}

export const NO_KEYS: Keys = { set: {}, delete: [] };

export const mergeKeys = (...pieces: readonly Keys[]): Keys => ({
  set: pieces.reduce((all, { set }) => ({ ...all, ...set }), {}),
  delete: [...new Set(pieces.flatMap((piece) => piece.delete))],
});
