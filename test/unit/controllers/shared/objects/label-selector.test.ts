import { describe, expect, test } from '@jest/globals';
import { selects } from '../../../../../controllers/shared/objects/label-selector.ts';

const labels = { app: 'web', tier: '' };

describe('a label selector', () => {
  test.each([
    ['nothing', {}, true],
    ['a label and its value', { matchLabels: { app: 'web' } }, true],
    ['a label with another value', { matchLabels: { app: 'db' } }, false],
    ['one label of two', { matchLabels: { app: 'web', other: 'x' } }, false],
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] }, true],
    ['In, without the label', { matchExpressions: [{ key: 'x', operator: 'In', values: ['a'] }] }, false],
    ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [
      'NotIn, without the label',
      { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] },
      true,
    ],
    ['Exists, with an empty value', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
    ['Exists, without the label', { matchExpressions: [{ key: 'x', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
    [
      'a label that is right and an expression that is not',
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] },
      false,
    ],
  ] as const)('that asks for %s', (_what, selector, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });

  test('is not met by what every object has by its prototype', () => {
    expect(selects({ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, labels)).toBe(false);
  });
});
