/** Messages that people read in `kubectl describe`: whole, or cut where they still are valid text. */

/** The API server refuses an Event whose note is longer; conditions keep to the same limit. */
export const MESSAGE_LIMIT_BYTES = 1024;

const encoder = new TextEncoder();

/** Cuts at a character, never inside one, and marks the cut. */
export function truncate(message: string, limit: number = MESSAGE_LIMIT_BYTES): string {
  if (encoder.encode(message).length <= limit) return message;
  const room = new Uint8Array(limit - encoder.encode('…').length);
  const { read } = encoder.encodeInto(message, room);
  return `${message.slice(0, read)}…`;
}
