/** Texts with a limit in bytes: whole, or cut where they still are valid text. */

const encoder = new TextEncoder();

/** Cuts at a character, never inside one, and marks the cut. */
export function cutBytes(text: string, limit: number): string {
  if (encoder.encode(text).length <= limit) return text;
  const room = new Uint8Array(limit - encoder.encode('…').length);
  const { read } = encoder.encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}
