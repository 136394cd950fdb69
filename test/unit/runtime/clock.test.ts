import { expect, jest, test } from '@jest/globals';
import { seconds } from '../../../src/lib/units.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

test('what is due in a year does not run now, as a timer of Node that overflows would', async () => {
  const run = jest.fn();
  const cancel = systemClock.after(seconds(365 * 86_400), run);
  await new Promise((resolve) => void setTimeout(resolve, 20));
  cancel();
  expect(run).not.toHaveBeenCalled();
});
