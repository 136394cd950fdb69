import { describe, expect, test } from '@jest/globals';
import {
  describeTemplate,
  isSameImage,
  parseImageMark,
  printImageMark,
} from '../../../../../controllers/shared/guests/image-mark.ts';
import {
  describeGuest,
  parseMark,
  withoutMark,
} from '../../../../../controllers/shared/guests/owner-mark.ts';
import { aMark } from '../../../../builders/guests.ts';

const MARK = { cluster: 'c1', namespace: 'default', name: 'ubuntu', uid: 'uid-of-ubuntu' };

describe('the mark of a VMImage', () => {
  test('is read back from the description that it was written to, also with text of others around it', () => {
    expect(parseImageMark(describeTemplate(MARK))).toEqual(MARK);
    expect(parseImageMark(`ours\n${printImageMark(MARK)}\nkeep`)).toEqual(MARK);
    expect(parseImageMark('virtrigaud-image: c1/default/ubuntu')).toBeUndefined();
  });

  test('is no owner mark, and an owner mark is none of a VMImage', () => {
    expect(parseMark(describeTemplate(MARK))).toBeUndefined();
    expect(parseImageMark(describeGuest(aMark()))).toBeUndefined();
    expect(withoutMark(describeTemplate(MARK))).toBe(describeTemplate(MARK));
  });

  test('is that of one object of one installation', () => {
    expect(isSameImage(MARK, MARK)).toBe(true);
    expect(isSameImage({ ...MARK, uid: 'of-a-former-object' }, MARK)).toBe(false);
    expect(isSameImage({ ...MARK, cluster: 'c2' }, MARK)).toBe(false);
    expect(isSameImage(undefined, MARK)).toBe(false);
  });
});
