/** Texts of others for people to read: in a terminal, in a log, in a condition. */

/**
 * Control characters, such as those that move the cursor of a terminal, marks that change the direction of writing, and
 * halves of characters, which the API server would replace.
 */
const UNREADABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu;

/** The first half of a character at the end of a text that was cut. */
const HALF = /\p{Cs}$/u;

/** One line of at most `limit` characters that can all be seen. */
export function readable(text: string, limit: number): string {
  // Not more than this can be left; the rest need not be looked at.
  const line = text
    .slice(0, limit * 8)
    .replace(UNREADABLE, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit).replace(HALF, '')}…` : line;
}
