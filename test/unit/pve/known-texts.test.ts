import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { createKnownTexts } from '../../../src/pve/known-texts.ts';

/** Reads a text as its length, and counts how often. */
function counting(generationChars: number) {
  const read: string[] = [];
  const known = createKnownTexts<{ readonly length: number }>(generationChars);
  const ask = (text: string): number =>
    known.of(text, (each) => {
      read.push(each);
      return { length: each.length };
    }).length;
  return { ask, read };
}

describe('a text', () => {
  test('is read once, however often it is asked for', () => {
    const { ask, read } = counting(1000);
    for (let time = 0; time < 5; time += 1) for (const row of ['a', 'bb', 'ccc']) ask(row);
    expect(read).toEqual(['a', 'bb', 'ccc']);
  });

  test('that nobody asks for is forgotten, those that are asked for again and again are not', () => {
    const { ask, read } = counting(500);
    ask('old');
    for (let n = 0; n < 100; n += 1) {
      ask('kept');
      ask(`new${n}`);
    }
    expect(read.filter((row) => row === 'kept')).toHaveLength(1);
    ask('old');
    expect(read.filter((row) => row === 'old')).toHaveLength(2);
  });

  test('that would push out all others is read each time', () => {
    const { ask, read } = counting(500);
    const long = 'a'.repeat(200);
    ask(long);
    ask(long);
    expect(read).toHaveLength(2);
  });

  test('that cannot be read is tried again', () => {
    const known = createKnownTexts<string>();
    const fail = (): string => {
      throw new Error('malformed');
    };
    expect(() => known.of('row', fail)).toThrow('malformed');
    expect(known.of('row', () => 'read')).toBe('read');
  });
});

test('what is known is what was read, whatever is asked for in which order', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 4 })), fc.integer({ min: 1, max: 1200 }), (rows, chars) => {
      const { ask } = counting(chars);
      for (const row of rows) expect(ask(row)).toBe(row.length);
    }),
  );
});
