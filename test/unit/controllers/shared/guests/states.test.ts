import { describe, expect, test } from '@jest/globals';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import type { Power } from '../../../../../controllers/virtualmachine/model/desired.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { notRunningOf, isUp, powerStateOf } from '../../../../../controllers/shared/guests/states.ts';
import { aClaim, aGuest, aDesiredVm, GONE, observed, seen } from '../../../../builders/guests.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';

const halted = (state: string): Guest => aGuest({ running: true, state });
const planned = (power: Power, guest: Partial<Guest>) =>
  plan(aDesiredVm({ power }), observed({ claim: aClaim({ made: true }), presence: seen(guest) }));

describe('a guest that is not executing', () => {
  test.each([
    ['paused', 'Paused', 'qm resume 101'],
    ['io-error', 'IoError', 'storage is full'],
    ['suspended', 'Suspended', 'qm resume 101'],
    ['prelaunch', 'Prelaunch', 'qm resume 101'],
    ['guest-panicked', 'GuestCrashed', 'qm reset 101'],
    ['internal-error', 'GuestCrashed', 'qm reset 101'],
    ['finish-migrate', 'StateChanging', 'waits'],
  ])('because it is %s is reported as %s, with what to do', (state, reason, todo) => {
    expect(notRunningOf(halted(state))).toMatchObject({ reason });
    expect(notRunningOf(halted(state))?.message).toContain(todo);
    expect(powerStateOf(halted(state))).toBe(reason);
    expect(isUp(halted(state))).toBe(false);
  });

  test('is neither started nor shut down, and stopped only when it is to be off', () => {
    const guest = { running: true, state: 'paused' };
    expect(planned('On', guest)).toMatchObject({ kind: 'refuse', reason: 'Paused' });
    expect(planned('OffGraceful', guest)).toMatchObject({ kind: 'refuse', reason: 'Paused' });
    expect(planned('OffGraceful', guest)).toMatchObject({
      message: expect.stringContaining('set spec.powerState to Off to stop VM 101 at once'),
    });
    expect(planned('Off', guest)).toEqual({ kind: 'act', step: { do: 'stop' } });
  });

  test('is not restarted either, although changes wait for a restart', () => {
    const have = observed({
      claim: aClaim({ made: true }),
      presence: seen({ running: true, state: 'paused' }),
      restart: { note: undefined, restartedAt: undefined, next: 'shutdown' },
    });
    expect(plan(aDesiredVm(), have)).toMatchObject({ kind: 'refuse', reason: 'Paused' });
  });

  test('temporarily, as between two states, is waited for', () => {
    expect(planned('On', { running: true, state: 'postmigrate' })).toMatchObject({ kind: 'wait' });
  });

  test('is shut down when its object is deleted', () => {
    const have = observed({
      claim: aClaim({ made: true }),
      presence: seen({ running: true, state: 'io-error' }),
    });
    expect(plan(GONE, have)).toMatchObject({ kind: 'act', step: { do: 'shutdown' } });
  });

  test('is not a guest that runs or is off', () => {
    expect([powerStateOf(aGuest()), powerStateOf(aGuest({ running: false }))]).toEqual(['On', 'Off']);
    expect(notRunningOf(aGuest({ running: false, state: 'stopped' }))).toBeUndefined();
  });
});

describe('a guest suspended to disk', () => {
  const guest = { running: false, lock: 'suspended' };

  test('is not resumed by us, and that is reported', () => {
    expect(powerStateOf(aGuest(guest))).toBe('Suspended');
    expect(planned('On', guest)).toMatchObject({ kind: 'refuse', reason: 'SuspendedToDisk' });
  });

  test('is off as far as a VM that should be off is concerned', () => {
    expect(planned('Off', guest)).toEqual({ kind: 'steady' });
  });
});

describe('in a life of its own, a VM', () => {
  test('that is paused by a person is not ready until it is resumed, and nothing is asked of it', async () => {
    const life = new Life();
    await life.untilReady();
    const [guest] = life.pve.guestsOf(UID);
    const asked = life.pve.requests.filter((route) => route.startsWith('POST')).length;
    guest!.halted = 'paused';
    await life.until(() => life.conditions['Ready'] === 'False');
    expect(life.status).toMatchObject({ powerState: 'Paused', phase: 'Failed' });
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(life.pve.requests.filter((route) => route.startsWith('POST'))).toHaveLength(asked);
    guest!.halted = undefined;
    await life.untilReady();
    expect(life.status).toMatchObject({ powerState: 'On', phase: 'Running' });
  });

  test('that is paused the moment after it was read is not taken for one that runs', async () => {
    let armed = false;
    const life: Life = new Life({
      between: ({ send, store }) => ({
        store,
        send: async (endpoint, params, options) => {
          if (armed && endpoint.path.endsWith('/pending')) {
            armed = false;
            life.pve.guestsOf(UID)[0]!.halted = 'paused';
            await life.process.inventory.refresh();
          }
          return send(endpoint, params, options);
        },
      }),
    });
    await life.untilReady();
    armed = true;
    life.process.processStates.invalidate(UID);
    await life.until(() => !armed);
    const since = life.now;
    await life.until(() => life.conditions['Ready'] === 'False');
    expect(life.now - since).toBeLessThan(60_000);
  });

  test('that a slow HA starts and stops is asked for once each time, and deleted with its HA resource', async () => {
    const life = new Life();
    await life.untilReady();
    const [guest] = life.pve.guestsOf(UID);
    guest!.ha = 'started';
    const times = (end: string): number => life.pve.requests.filter((route) => route.endsWith(end)).length;
    const starts = times('/status/start');
    life.pve.haMs = 25_000;
    life.store.editSpec({ powerState: 'Off' });
    await life.until(() => life.status.powerState === 'Off' && life.conditions['Ready'] === 'True');
    expect(times('/status/stop')).toBe(1);
    life.store.editSpec({ powerState: 'On' });
    await life.untilReady();
    expect(guest!.running).toBe(true);
    expect(times('/status/start')).toBe(starts + 1);
    await life.delete();
    expect(times('/status/shutdown')).toBe(1);
    expect(life.pve.guestsOf(UID)).toEqual([]);
  });

  test('that HA has given up reports how to clear the error, and is reconciled afterwards', async () => {
    const life = new Life();
    await life.untilReady();
    const [guest] = life.pve.guestsOf(UID);
    guest!.ha = 'error';
    guest!.running = false;
    await life.until(() => life.conditions['Stalled'] === 'True');
    expect(life.status.conditions).toContainEqual(
      expect.objectContaining({
        type: 'Stalled',
        reason: 'HaError',
        message: expect.stringContaining(`ha-manager set vm:${guest!.vmid} --state disabled`),
      }),
    );
    guest!.ha = 'stopped';
    await life.untilReady();
    expect(guest!.running).toBe(true);
  });
});
