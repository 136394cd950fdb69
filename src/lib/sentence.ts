/** The text with one full stop at its end, as a message of PVE may have none. */
export const asSentence = (text: string): string => text.replace(/\.?\s*$/, '.');
