/**
 * What texts mean that were read before: the lists of a cluster are read every few seconds, and most of their rows are as
 * they were. What is remembered depends on the text alone, so it does not matter which server sent it.
 */

/** What is kept at most is twice this much text and what was read from it: a few thousand rows of a list. */
const GENERATION_CHARS = 2 * 1024 ** 2;
/** What an entry takes besides its text, about. */
const ENTRY_CHARS = 100;

export interface KnownTexts<T> {
  /** @param read - what the text means; called if it is not known */
  of(text: string, read: (text: string) => T): T;
}

/** What was not asked for during a whole generation is forgotten. */
export function createKnownTexts<T>(generationChars = GENERATION_CHARS): KnownTexts<T> {
  let chars = 0;
  let young = new Map<string, T>();
  let old: ReadonlyMap<string, T> = new Map();

  const keep = (text: string, meaning: T): void => {
    const size = text.length + ENTRY_CHARS;
    // Otherwise one text would push out all others.
    if (size > generationChars / 4) return;
    if (chars + size > generationChars) {
      old = young;
      young = new Map();
      chars = 0;
    }
    young.set(text, meaning);
    chars += size;
  };

  return {
    of(text, read) {
      const known = young.get(text);
      if (known !== undefined) return known;
      const meaning = old.get(text) ?? read(text);
      keep(text, meaning);
      return meaning;
    },
  };
}
