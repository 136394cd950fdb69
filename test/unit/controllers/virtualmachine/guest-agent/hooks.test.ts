import { describe, expect, test } from '@jest/globals';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Saboteur } from '../../../../builders/saboteur.ts';

const exec = (...command: readonly string[]) => ({ exec: { command } });
const hook = ({ status }: Life) => status.hook;

describe('postStart', () => {
  const spec = { lifecycle: { postStart: exec('hello', 'world') } };

  test('runs once after the start of a new VM, which is ready then', async () => {
    const life = new Life({ vm: { spec } });
    await life.untilReady();
    expect(life.pve.executed).toEqual(['hello world']);
    expect(hook(life)).toMatchObject({ name: 'postStart', state: 'Succeeded', exitCode: 0 });
    for (let pass = 0; pass < 20; pass += 1) await life.pass();
    expect(life.pve.executed).toHaveLength(1);
  });

  test('waits for the guest agent, and is given up after ten minutes with a warning', async () => {
    const life = new Life({ vm: { spec } });
    await life.until(() => life.pve.guestsOf(UID)[0] !== undefined);
    life.pve.guestsOf(UID)[0]!.agent = 'silent';
    const since = life.now;
    await life.untilReady();
    expect(life.now - since).toBeGreaterThan(590_000);
    expect(hook(life)).toMatchObject({ name: 'postStart', state: 'Failed' });
    life.restart();
    expect(life.events).toContain('HookFailed');
  });

  test('runs again after each start of ours, and not for a guest that others started', async () => {
    const life = new Life({ vm: { spec } });
    await life.untilReady();
    life.store.editSpec({ powerState: 'Off' });
    await life.untilReady();
    life.store.editSpec({ powerState: 'On' });
    await life.untilReady();
    expect(life.pve.executed).toHaveLength(2);
    life.pve.guestsOf(UID)[0]!.running = false;
    await life.pass();
    life.pve.guestsOf(UID)[0]!.running = true;
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.pve.executed).toHaveLength(2);
  });

  test('runs at least once wherever the process dies', async () => {
    for (let call = 1; call < 45; call += 1) {
      const saboteur = new Saboteur((n) => (n === call ? 'dies after' : undefined));
      const life = new Life({
        vm: { spec },
        between: (ports, at) => saboteur.between(ports, at),
        isDead: saboteur.isDead,
      });
      await life.untilReady();
      expect(life.pve.executed.length).toBeGreaterThanOrEqual(1);
      expect(life.pve.executed.length).toBeLessThanOrEqual(2);
    }
  }, 60_000);
});

describe('preStop', () => {
  const life = async (...command: readonly string[]) => {
    const lifecycle = { preStop: exec(...command), gracefulShutdownTimeout: 30_000 as never };
    const it = new Life({ vm: { spec: { lifecycle } } });
    await it.untilReady();
    return it;
  };

  test.each(['Off', 'OffGraceful'] as const)(
    'runs before the VM is stopped by %s, once',
    async (powerState) => {
      const it = await life('bye');
      it.store.editSpec({ powerState });
      await it.untilReady();
      expect(it.pve.executed).toEqual(['bye']);
      expect(it.pve.guestsOf(UID)[0]?.running).toBe(false);
    },
  );

  test('runs before the VM is deleted', async () => {
    const it = await life('bye');
    await it.delete();
    expect(it.pve.executed).toEqual(['bye']);
    expect(it.pve.guestsOf(UID)).toEqual([]);
  });

  test('runs again before the next stop', async () => {
    const it = await life('bye');
    for (const powerState of ['Off', 'On', 'OffGraceful'] as const) {
      it.store.editSpec({ powerState });
      await it.untilReady();
    }
    expect(it.pve.executed).toEqual(['bye', 'bye']);
  });

  test('that fails, never ends or cannot be run does not keep the VM', async () => {
    for (const command of ['false', 'endless']) {
      const it = await life(command);
      const since = it.now;
      await it.delete();
      expect(it.pve.executed).toEqual([command]);
      if (command === 'endless') expect(it.now - since).toBeGreaterThanOrEqual(30_000);
      expect(it.now - since).toBeLessThan(60_000);
    }
    const silent = await life('bye');
    silent.pve.guestsOf(UID)[0]!.agent = 'silent';
    await silent.delete();
    expect(silent.pve.guestsOf(UID)).toEqual([]);
  });
});
