/**
 * The elements of `data` in an answer, one at a time: JSON.parse of a whole list would keep the event loop busy for as
 * long as the server likes. Where an element ends is told by its brackets; JSON.parse decides what it is.
 */

/** The answer cannot be read. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  /** `excessive`: there is more of something than the operator reads; the message says of what. */
  readonly kind: 'malformed' | 'excessive';
  constructor(kind: BodyError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Element {
  /** Absent in a list. */
  readonly key: string | undefined;
  /** For `parseElement`. */
  readonly text: string;
}

/** Answers of PVE have about six levels. */
const MAX_DEPTH = 32;
/** The longest row that there should be is the description in the pending changes of a guest, which has at most 8 KiB. */
const MAX_ELEMENT_BYTES = 128 * 1024;

const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const malformed = (): BodyError => new BodyError('malformed', 'it is not JSON with data');

interface Cursor {
  readonly body: Buffer;
  at: number;
}

const isSpace = (byte: number | undefined): boolean =>
  byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;

function skipSpace(cursor: Cursor): void {
  while (isSpace(cursor.body[cursor.at])) cursor.at += 1;
}

/** Whether this byte comes next, after which the cursor is then. */
function take(cursor: Cursor, byte: number): boolean {
  skipSpace(cursor);
  if (cursor.body[cursor.at] !== byte) return false;
  cursor.at += 1;
  return true;
}

function expect(cursor: Cursor, byte: number): void {
  if (!take(cursor, byte)) throw malformed();
}

/** Behind the string that begins here. */
function stringEnd(body: Buffer, from: number): number {
  let at = from + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** By byte: how many levels deeper it leads. */
const DEEPER = new Int8Array(256);
DEEPER[OPEN_LIST] = DEEPER[OPEN_OBJECT] = 1;
DEEPER[CLOSE_LIST] = DEEPER[CLOSE_OBJECT] = -1;

/** How much of a value is looked at. */
interface Extent {
  readonly bytes: number;
  /** Members and entries on all levels. */
  readonly values: number;
}

const ELEMENT: Extent = { bytes: MAX_ELEMENT_BYTES, values: Infinity };

function check(count: number, limit: number, what: string): void {
  if (count > limit) throw new BodyError('excessive', `more than ${limit} ${what}`);
}

/** Behind the value that begins here. */
function valueEnd(body: Buffer, from: number, extent: Extent): number {
  const limit = Math.min(body.length, from + extent.bytes + 1);
  let depth = 0;
  let values = 0;
  for (let at = from; at < limit;) {
    const byte = body[at] ?? 0;
    const deeper = DEEPER[byte] ?? 0;
    if (depth === 0 && (byte === COMMA || deeper < 0)) return at;
    at = byte === QUOTE ? stringEnd(body, at) : at + 1;
    depth += deeper;
    if (deeper < 0 && depth === 0) return at;
    if (byte === COMMA || deeper > 0) values += 1;
    check(depth, MAX_DEPTH, 'levels');
    check(values, extent.values, 'values');
  }
  return limit;
}

/** @throws BodyError */
export function parseElement(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

function readText(cursor: Cursor): string {
  skipSpace(cursor);
  const { body, at: from } = cursor;
  cursor.at = valueEnd(body, from, ELEMENT);
  if (cursor.at - from > MAX_ELEMENT_BYTES)
    throw new BodyError('excessive', `an entry of more than ${MAX_ELEMENT_BYTES / 1024} KiB`);
  return body.toString('utf8', from, cursor.at);
}

function readKey(cursor: Cursor): string {
  skipSpace(cursor);
  const { body, at: from } = cursor;
  if (body[from] !== QUOTE) throw malformed();
  cursor.at = stringEnd(body, from);
  if (cursor.at - from > MAX_ELEMENT_BYTES) throw malformed();
  const key = String(parseElement(body.toString('utf8', from, cursor.at)));
  expect(cursor, COLON);
  return key;
}

function* elementsAt(cursor: Cursor): Generator<Element> {
  const isList = take(cursor, OPEN_LIST);
  if (!isList) expect(cursor, OPEN_OBJECT);
  const close = isList ? CLOSE_LIST : CLOSE_OBJECT;
  if (take(cursor, close)) return;
  do {
    const key = isList ? undefined : readKey(cursor);
    yield { key, text: readText(cursor) };
  } while (take(cursor, COMMA));
  expect(cursor, close);
}

/**
 * The elements of `data`, which is a list or an object.
 * @throws BodyError
 */
export function* elementsOf(body: Buffer): Generator<Element> {
  const cursor: Cursor = { body, at: 0 };
  let found = false;
  expect(cursor, OPEN_OBJECT);
  do {
    const isData = readKey(cursor) === 'data';
    if (isData && found) throw malformed();
    found ||= isData;
    skipSpace(cursor);
    if (isData) yield* elementsAt(cursor);
    else cursor.at = valueEnd(body, cursor.at, ELEMENT);
  } while (take(cursor, COMMA));
  expect(cursor, CLOSE_OBJECT);
  skipSpace(cursor);
  if (!found || cursor.at < body.length) throw malformed();
}

/**
 * A whole answer, whose size is bounded.
 * @param values how many members and entries it may have on all levels
 * @throws BodyError
 */
export function parseWhole(body: Buffer, values: number): unknown {
  valueEnd(body, 0, { bytes: body.length, values });
  return parseElement(body.toString('utf8'));
}
