import { expect, test } from '@jest/globals';
import { eventBudget } from '../../../src/kube/event-budget.ts';
import { seconds } from '../../../src/lib/units.ts';

test('an event is written although other namespaces have used up what all have together', () => {
  const budget = eventBudget();
  const written = new Map<string, number>();
  const publish = (namespace: string, now: ReturnType<typeof seconds>): void => {
    if (budget.isAllowed(namespace, now)) written.set(namespace, (written.get(namespace) ?? 0) + 1);
  };
  for (let second = 0; second < 60; second += 1) {
    for (let number = 0; number < 200; number += 1) publish(`hostile-${number % 4}`, seconds(second));
    if (second % 10 === 0) publish('quiet', seconds(second));
  }
  expect(written.get('quiet')).toBe(6);
  const hostile = [...written.values()].reduce((sum, count) => sum + count, 0) - 6;
  expect(hostile).toBeGreaterThan(400);
  expect(hostile).toBeLessThanOrEqual(400 + 10 * 60 + 4 * (20 + 0.2 * 60));
});
