import fc from './fast-check.ts';

/**
 * Any text at all. fast-check's own, the unit `binary`, first lists all 1.1 million code points, which takes a second of
 * CPU time for each test file.
 */
export const arbitraryText: fc.Arbitrary<string> = fc.string({
  unit: fc
    .integer({ min: 0, max: 0x10f7ff })
    // There is no code point between D800 and DFFF.
    .map((point) => String.fromCodePoint(point < 0xd800 ? point : point + 0x800)),
});
