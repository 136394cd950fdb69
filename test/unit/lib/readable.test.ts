import { expect, test } from '@jest/globals';
import { readable } from '../../../src/lib/readable.ts';

test.each([
  ['a line that is one', 'VM 100 is locked (backup)', 'VM 100 is locked (backup)'],
  ['several lines', 'one\r\ntwo\tthree', 'one two three'],
  ['what moves the cursor of a terminal', 'a\u{1b}[2Jb\u{7}', 'a [2Jb'],
  ['what turns the direction of writing', 'a\u{202e}b\u{2066}c', 'a b c'],
  ['half a character', 'a\ud800b', 'a b'],
  ['other languages', 'Größe 容量 🙂', 'Größe 容量 🙂'],
  ['nothing', ' \u{0} ', ''],
])('makes one readable line of %s', (_what, text, line) => {
  expect(readable(text, 100)).toBe(line);
});

test('cuts a long text, but no character', () => {
  expect(readable('x'.repeat(1_000_000), 10)).toBe(`${'x'.repeat(10)}…`);
  expect(readable(`${'x'.repeat(9)}🙂y`, 10)).toBe(`${'x'.repeat(9)}…`);
});
