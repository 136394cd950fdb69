import { expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { createHeap } from '../../../src/lib/heap.ts';

test('a heap returns its entries in order, with any additions in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { freq: 3 })), (steps) => {
      const heap = createHeap<number>((n) => n);
      let model: number[] = [];
      for (const step of steps) {
        if (step === null) {
          const smallest = model.toSorted((a, b) => a - b)[0];
          expect(heap.peek()).toBe(smallest);
          expect(heap.pop()).toBe(smallest);
          model = model.toSorted((a, b) => a - b).slice(1);
        } else {
          heap.push(step);
          model.push(step);
        }
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});
