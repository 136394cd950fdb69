import { expect, test } from '@jest/globals';
import { keyChanges } from '../../../../../controllers/virtualmachine/config/key-changes.ts';
import { describeGuest } from '../../../../../controllers/shared/guests/owner-mark.ts';
import { aMark } from '../../../../builders/guests.ts';

test('a change of the description is printed in one line, without the mark that is in both', () => {
  const text = (words: string) => describeGuest(aMark(), words);
  const change = { set: { description: text('The shop.') }, delete: [] };
  expect(keyChanges(change, { description: text('Two\nlines.') }, 'back')).toEqual([
    'description "The shop." → "Two\\nlines."',
  ]);
});

test('a value that is a secret is not printed', () => {
  const change = { set: { cipassword: 'swordfish', cores: 4 }, delete: ['net1'] };
  expect(keyChanges(change, { cores: '2', net1: 'virtio' }, 'forth')).toEqual([
    'cipassword (not set) → (hidden)',
    'cores 2 → 4',
    'net1 virtio → (not set)',
  ]);
});
