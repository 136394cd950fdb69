import { describe, expect, test } from '@jest/globals';
import { failureAfter } from '../../../../../controllers/shared/tasks/failure.ts';
import type { Task } from '../../../../../controllers/shared/tasks/model.ts';
import { NOW, UPID } from '../../../../builders/guests.ts';

const failed = (type = 'qmclone'): Task => ({ upid: UPID, type, state: 'failed', exit: 'no space' });
const ended = (state: 'ok' | 'lost', type = 'qmclone'): Task => ({ upid: UPID, type, state });
const BEFORE = {
  step: 'qmclone',
  message: 'no space',
  attempts: 2,
  at: '2026-03-01T11:00:00Z',
  generation: 4,
};
const after = (task: Task | undefined, before: Parameters<typeof failureAfter>[0] = BEFORE, generation = 4) =>
  failureAfter(before, task, { generation, now: NOW });

describe('a failing step', () => {
  test('is counted from one', () => {
    expect(failureAfter(undefined, failed(), { generation: 4, now: NOW })).toEqual({
      step: 'qmclone',
      message: 'no space',
      attempts: 1,
      at: NOW,
    });
  });

  test('is counted on while the same step fails', () => {
    expect(after(failed())).toMatchObject({ attempts: 3, at: NOW });
  });

  test('is counted anew when another step fails', () => {
    expect(after(failed('qmstart'))).toMatchObject({ step: 'qmstart', attempts: 1 });
  });

  test('is forgiven by an edit of the spec', () => {
    expect(after(undefined, BEFORE, 5)).toBeUndefined();
    expect(after(failed(), BEFORE, 5)).toMatchObject({ attempts: 1 });
  });

  test('is over when the same step succeeds, not another', () => {
    expect(after(ended('ok'))).toBeUndefined();
    expect(after(ended('ok', 'qmconfig'))).toMatchObject({ attempts: 2 });
  });

  test('is remembered while nothing is known', () => {
    const standing = { step: 'qmclone', message: 'no space', attempts: 2, at: Date.parse(BEFORE.at) };
    expect(after(undefined)).toEqual(standing);
    expect(after(ended('lost'))).toEqual(standing);
  });
});
