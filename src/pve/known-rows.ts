/**
 * Rows that were read before, by their text: the lists of a cluster are read every few seconds, and most of their rows
 * are as they were. What a row means depends on its text alone, so it does not matter which server sent it.
 */

/** What is kept at most is twice this much text and what was read from it: a few thousand rows. */
const GENERATION_CHARS = 2 * 1024 ** 2;

export interface KnownRows<Row> {
  /** @param read - what the text means; called if it is not known */
  of(text: string, read: (text: string) => Row): Row;
}

/** What was not asked for during a whole generation is forgotten. */
export function createKnownRows<Row>(generationChars = GENERATION_CHARS): KnownRows<Row> {
  let chars = 0;
  let young = new Map<string, Row>();
  let old: ReadonlyMap<string, Row> = new Map();

  const keep = (text: string, row: Row): void => {
    if (chars + text.length > generationChars) {
      old = young;
      young = new Map();
      chars = 0;
    }
    if (text.length > generationChars) return;
    young.set(text, row);
    chars += text.length;
  };

  return {
    of(text, read) {
      const known = young.get(text);
      if (known !== undefined) return known;
      const row = old.get(text) ?? read(text);
      keep(text, row);
      return row;
    },
  };
}
