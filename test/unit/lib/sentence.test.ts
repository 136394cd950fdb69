import { expect, test } from '@jest/globals';
import { asSentence } from '../../../src/lib/sentence.ts';

test.each(['no such disk', 'no such disk.', 'no such disk\n', 'no such disk. \n'])(
  '%j becomes a sentence with one full stop',
  (text) => {
    expect(asSentence(text)).toBe('no such disk.');
  },
);
