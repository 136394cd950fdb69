import { expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { truncate } from '../../../src/runtime/message.ts';

test('a message that fits stays as it is', () => {
  expect(truncate('Node pve1 is offline.')).toBe('Node pve1 is offline.');
});

test('a message never takes more than 1 KiB, and is never cut inside a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 300, maxLength: 1500 }), (message) => {
      const cut = truncate(message);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
      expect(cut.isWellFormed()).toBe(true);
      expect(message.startsWith(cut.replace(/…$/, ''))).toBe(true);
    }),
  );
});
