import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import {
  describeGuest,
  isFormerOwner,
  parseMark,
  printMark,
  isSameOwner,
} from '../../../../../controllers/shared/guests/owner-mark.ts';
import { arbitraryText } from '../../../../builders/arbitrary-text.ts';
import { aMark, FOREIGN, FORMER } from '../../../../builders/guests.ts';

const word = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
const marks = fc.record({ cluster: word, namespace: word, name: word, uid: word });

describe('the mark', () => {
  test('is read from what it was written to', () => {
    fc.assert(fc.property(marks, (mark) => expect(parseMark(describeGuest(mark))).toEqual(mark)));
  });

  test('is found in any text that people write around it', () => {
    const foreign = fc.array(arbitraryText.map((line) => line.replace(/[\n\r\u2028\u2029]/g, '')));
    fc.assert(
      fc.property(marks, foreign, foreign, (mark, above, below) => {
        fc.pre(![...above, ...below].some((line) => line.startsWith('virtrigaud:')));
        expect(parseMark([...above, printMark(mark), ...below].join('\n'))).toEqual(mark);
      }),
    );
  });

  test.each([
    ['with spaces behind it', `${printMark(aMark())}  `],
    ['with the line ends of Windows', `note\r\n${printMark(aMark())}\r\nnote`],
  ])('is found %s', (_what, description) => {
    expect(parseMark(description)).toEqual(aMark());
  });

  test.each([
    ['an absent description', undefined],
    ['an empty description', ''],
    ['a mark that is quoted in a sentence', `it said "${printMark(aMark())}"`],
    ['a mark that lacks a part', 'virtrigaud: cluster-1/default/web'],
    ['a mark with a part too many', 'virtrigaud: a/b/c/d/e'],
    ['a mark with an empty part', 'virtrigaud: a//c/d'],
  ])('is not found in %s', (_what, description) => {
    expect(parseMark(description)).toBeUndefined();
  });
});

describe('an owner', () => {
  test('is the same by cluster and uid alone', () => {
    expect(isSameOwner(aMark({ namespace: 'x', name: 'y' }), aMark())).toBe(true);
    expect(isSameOwner(aMark({ cluster: 'other' }), aMark())).toBe(false);
    expect(isSameOwner(FORMER, aMark())).toBe(false);
    expect(isSameOwner(undefined, aMark())).toBe(false);
  });

  test('was an earlier object by namespace and name, also of another cluster', () => {
    expect(isFormerOwner(FORMER, aMark())).toBe(true);
    expect(isFormerOwner(aMark({ cluster: 'rebuilt' }), aMark())).toBe(true);
    expect(isFormerOwner(FOREIGN, aMark())).toBe(false);
    expect(isFormerOwner(aMark(), aMark())).toBe(false);
    expect(isFormerOwner(undefined, aMark())).toBe(false);
  });
});
