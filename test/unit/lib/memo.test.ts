import { expect, test } from '@jest/globals';
import { remembering } from '../../../src/lib/memo.ts';

function counted(limits?: { readonly results: number; readonly characters: number }) {
  const computed: string[] = [];
  const compute = (text: string): { words: string[] } => {
    computed.push(text);
    return { words: text.split(' ') };
  };
  const read = remembering(compute, (text) => text, limits);
  return { read, computed };
}

test('a result is computed once for each text', () => {
  const { read, computed } = counted();
  for (let n = 0; n < 3; n += 1) {
    expect(read('a b')).toEqual({ words: ['a', 'b'] });
    expect(read('c')).toEqual({ words: ['c'] });
  }
  expect(computed).toEqual(['a b', 'c']);
});

test('what a caller does to a result reaches no other caller', () => {
  const { read } = counted();
  read('a b').words.push('c');
  read('a b').words.push('c');
  expect(read('a b')).toEqual({ words: ['a', 'b'] });
});

test('inputs whose texts are equal have one result', () => {
  let computed = 0;
  const read = remembering(
    ({ n }: { readonly n: number }) => ({ n, computed: ++computed }),
    ({ n }) => String(n),
  );
  expect([read({ n: 1 }), read({ n: 1 }), read({ n: 2 })]).toEqual([
    { n: 1, computed: 1 },
    { n: 1, computed: 1 },
    { n: 2, computed: 2 },
  ]);
});

test('the result that was used longest ago is forgotten', () => {
  const { read, computed } = counted({ results: 2, characters: 1000 });
  for (const text of ['a', 'b', 'a', 'c', 'a', 'b']) read(text);
  expect(computed).toEqual(['a', 'b', 'c', 'b']);
});

test('the results together have a limit, and one that is too large is not kept', () => {
  const { read, computed } = counted({ results: 100, characters: 100 });
  const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const text of [...texts, 'g', 'a']) read(text);
  expect(computed).toEqual([...texts, 'a']);
  for (const text of ['x'.repeat(50), 'x'.repeat(50), 'a']) read(text);
  expect(computed.slice(-2)).toEqual(['x'.repeat(50), 'x'.repeat(50)]);
});
