import { describe, expect, test } from '@jest/globals';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import type { RestartNote } from '../../../../../controllers/virtualmachine/model/restart.ts';
import {
  judgeRestart,
  waitingChanges,
  type RestartInputs,
} from '../../../../../controllers/virtualmachine/restart/judge.ts';
import { minutes } from '../../../../../src/lib/units.ts';
import { aGuest, aDesiredVm, NOW, UPID, type Wanted } from '../../../../builders/guests.ts';

const CORES = { key: 'cores', current: '8', pending: '12' };
const REQUEST = '2026-03-01T11:00:00Z';

const judge = (
  restart: Wanted['restart'],
  guest: Partial<Guest> = {},
  { want, ...inputs }: Partial<Omit<RestartInputs, 'want' | 'guest'>> & { want?: Partial<Wanted> } = {},
) =>
  judgeRestart({
    want: aDesiredVm({ ...(restart && { restart }), ...want }),
    guest: aGuest(guest),
    made: true,
    task: undefined,
    drift: undefined,
    awaited: ['cores'],
    now: NOW,
    observed: true,
    before: { note: undefined, restartedAt: undefined },
    inDoubt: false,
    wouldStayOff: false,
    claimSlot: () => undefined,
    ...inputs,
  });

const requested = (stopped = false): RestartNote => ({ cause: 'Requested', of: REQUEST, at: NOW, stopped });
const forChanges = (pending: Guest['pending'], stopped: boolean): RestartNote => ({
  cause: 'PendingChanges',
  of: waitingChanges({ pending }, { awaited: ['cores'], drift: undefined }) ?? '',
  at: NOW,
  stopped,
});
const off = { running: false };

describe('a restart that was asked for', () => {
  const asked = { requestedAt: REQUEST };
  const announced = { before: { note: requested(), restartedAt: undefined } };

  test('is announced, then made, then written down before the guest is started', () => {
    expect(judge(asked)).toMatchObject({ next: 'note', note: requested() });
    expect(judge(asked, {}, announced)).toMatchObject({ next: 'shutdown', restartedAt: undefined });
    expect(judge(asked, off, announced)).toEqual({ next: 'note', note: undefined, restartedAt: REQUEST });
  });

  test('was made where our shutdown ended, although the guest was started again in Proxmox VE', () => {
    const task = { upid: UPID, type: 'Shutdown', state: 'ok' } as const;
    expect(judge(asked, {}, { ...announced, task })).toMatchObject({ next: 'note', restartedAt: REQUEST });
  });

  test('waits while a shutdown may still be under way', () => {
    expect(judge(asked, {}, { ...announced, inDoubt: true }).next).toBe('doubt');
  });

  test('is not made twice, nor for a guest that is not there, is off, or should be off', () => {
    expect(judge(asked, {}, { before: { note: undefined, restartedAt: REQUEST } }).next).toBeUndefined();
    expect(judge(asked, {}, { made: false })).toEqual({ note: undefined, restartedAt: REQUEST });
    expect(judge(asked, off)).toMatchObject({ next: 'note', restartedAt: REQUEST });
    expect(judge(asked, {}, { want: { power: 'Off' } })).toEqual({ note: undefined, restartedAt: REQUEST });
  });

  test('stays open while it is not known where the guest is', () => {
    const blind = { want: aDesiredVm({ restart: asked }), guest: undefined, made: true, task: undefined };
    const rest = {
      drift: undefined,
      awaited: [],
      now: NOW,
      observed: true,
      inDoubt: false,
      wouldStayOff: false,
      claimSlot: () => undefined,
    };
    expect(judgeRestart({ ...blind, ...rest, ...announced })).toEqual(announced.before);
  });
});

describe('changes that wait', () => {
  const waiting = { pending: [CORES] };
  const ifRequired = { policy: 'IfRequired' as const };

  test('are left waiting without a policy', () => {
    expect(judge(undefined, waiting)).toEqual({ note: undefined, restartedAt: undefined });
  });

  test('are applied by a restart that is announced first', () => {
    expect(judge(ifRequired, waiting)).toMatchObject({ next: 'note', note: { cause: 'PendingChanges' } });
    const before = { note: forChanges([CORES], false), restartedAt: undefined };
    expect(judge(ifRequired, waiting, { before }).next).toBe('shutdown');
    expect(judge(ifRequired, off, { before })).toMatchObject({ next: 'note', note: { stopped: true } });
  });

  test('do not restart a guest a second time if a restart did not apply them', () => {
    const before = { note: forChanges([CORES], true), restartedAt: undefined };
    const judged = judge(ifRequired, waiting, { before });
    expect(judged.next).toBeUndefined();
    expect(judged.held?.reason).toBe('StillPending');
    expect(judged.note).toEqual(before.note);
    const others = { pending: [{ ...CORES, pending: '16' }] };
    expect(judge(ifRequired, others, { before }).next).toBe('note');
  });

  test('wait for their window', () => {
    const window = { schedule: '0 13 * * *', duration: minutes(60) };
    const judged = judge({ policy: 'MaintenanceWindow', window }, waiting);
    expect(judged).toMatchObject({
      held: { reason: 'OutsideMaintenanceWindow' },
      againAt: NOW + minutes(60),
    });
    const later = judge({ policy: 'MaintenanceWindow', window }, waiting, { now: NOW + minutes(60) });
    expect(later.next).toBe('note');
  });

  test('wait for a slot', () => {
    const { held, next, againAt } = judge(ifRequired, waiting, {
      claimSlot: () => ({ behind: 'default/db', looksAgain: true }),
    });
    expect(next).toBeUndefined();
    expect(againAt).toBeGreaterThan(NOW);
    expect(held).toMatchObject({ reason: 'RestartQueued', message: expect.stringContaining('default/db') });
  });

  test.each([
    ['were made in Proxmox VE', { pending: [{ key: 'net3', pending: 'virtio,bridge=vmbr0' }] }, undefined],
    ['are drift', waiting, { summary: '', keys: ['cores'], reverted: false }],
  ])('that %s restart nothing', (_what, guest, drift) => {
    expect(judge(ifRequired, guest, { drift })).toEqual({ note: undefined, restartedAt: undefined });
  });

  test('keep the turn until the guest runs again without them', () => {
    let claimed = 0;
    const claimSlot = (): undefined => {
      claimed += 1;
    };
    const before = { note: forChanges([CORES], true), restartedAt: undefined };
    expect(judge(ifRequired, off, { before, claimSlot }).note).toEqual(before.note);
    expect(claimed).toBe(1);
    expect(judge(ifRequired, {}, { before, claimSlot }).note).toBeUndefined();
    expect(claimed).toBe(1);
  });
});

describe('a restart after which the guest would stay off', () => {
  const withheld = { wouldStayOff: true };
  const waiting = { pending: [CORES] };
  const task = { upid: UPID, type: 'Shutdown', state: 'running', ageMs: 1_000 } as const;

  test.each([
    ['a request', { requestedAt: REQUEST }, {}, requested()],
    ['pending changes', { policy: 'IfRequired' as const }, waiting, forChanges([CORES], false)],
  ])('is not announced, and one that was not sent is no longer (%s)', (_what, restart, guest, note) => {
    const before = { note, restartedAt: undefined };
    expect(judge(restart, guest, withheld)).toEqual({ note: undefined, restartedAt: undefined });
    expect(judge(restart, guest, { ...withheld, before })).toEqual({
      note: undefined,
      restartedAt: undefined,
    });
    expect(judge(restart, guest)).toMatchObject({ next: 'note', note: { stopped: false } });
    // The shutdown may be in progress.
    expect(judge(restart, guest, { ...withheld, before, inDoubt: true }).note).toEqual(note);
    expect(judge(restart, guest, { ...withheld, before, task }).note).toEqual(note);
    expect(judge(restart, { ...guest, ...off }, { ...withheld, before }).next).toBe('note');
  });
});
