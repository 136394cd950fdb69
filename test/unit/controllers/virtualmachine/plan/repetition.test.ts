import { expect, test } from '@jest/globals';
import type { Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import {
  signatureOf,
  taken,
  tooSoon,
} from '../../../../../controllers/virtualmachine/plan/rules/repetition.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';

const after = (step: Step, times: number) => {
  let last: ReturnType<typeof taken> | undefined;
  for (let n = 0; n < times; n += 1) last = taken(last, signatureOf(step, 1), NOW);
  return tooSoon(last, { step, generation: 1 }, NOW);
};

test('a step that did not last is not repeated at once', () => {
  expect(after({ do: 'start' }, 1)).toMatchObject({ kind: 'wait', reason: 'NotInEffect', againMs: 5_000 });
  expect(after({ do: 'start' }, 2)).toMatchObject({ againMs: 10_000 });
});

test('an image that was deleted is looked for at once, and deleted again only after a while', () => {
  const step: Step = { do: 'deleteSeed', volume: 'local:iso/a.iso' };
  expect(after(step, 1)).toBeUndefined();
  expect(after(step, 2)).toMatchObject({ kind: 'wait', againMs: 5_000 });
});

test('what is only written down is repeated at once: its write was refused, or it would not be asked for', () => {
  const steps: readonly Step[] = [
    { do: 'reserve' },
    { do: 'releaseClaim', vmid: vmid(100) },
    { do: 'recordSeed', volume: 'local:iso/a.iso' },
    { do: 'clearApplied' },
    { do: 'recordRestart' },
    { do: 'recordTags', tags: ['web'] },
    { do: 'recordNetworks' },
    { do: 'recordDisks' },
    { do: 'recordHook', hook: 'postStart' },
  ];
  for (const step of steps) expect(after(step, 3)).toBeUndefined();
});
