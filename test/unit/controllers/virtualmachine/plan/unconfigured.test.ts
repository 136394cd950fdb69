/** A guest that runs before its first configuration: `onboot` of its template starts it when its node restarts. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { TEMPLATE_CONFIG } from '../../../../builders/guests.ts';
import { UID } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';

const guestIn = (life: Life) => life.pve.guestsOf(UID)[0];

/** The clone has just been made, and its node restarts. */
async function startedEarly(spec: Partial<VirtualMachine['spec']> = {}): Promise<Life> {
  const life = new Life({ vm: { spec }, template: { ...TEMPLATE_CONFIG, onboot: '1' } });
  await life.until(() => {
    life.pve.settle();
    return guestIn(life)?.config['smbios1'] !== undefined;
  });
  const guest = guestIn(life)!;
  guest.running = true;
  guest.startedAt = life.now;
  return life;
}

async function passes(life: Life, count = 20): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

const readyOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Ready');

describe('a guest that was started before its first configuration', () => {
  test('is neither stopped nor changed, and Ready says what to do', async () => {
    const life = await startedEarly();
    const before = guestIn(life)!.config;
    await passes(life);
    expect(guestIn(life)).toMatchObject({ running: true, config: before });
    expect(life.pve.stops).toBe(0);
    expect(readyOf(life)).toMatchObject({ status: 'False', reason: 'StartedUnconfigured' });
    expect(readyOf(life)?.message).toContain('qm shutdown');
    expect(life.status.createdAt).toBeUndefined();
  });

  test('is configured once somebody stopped it, and then started', async () => {
    const life = await startedEarly();
    await passes(life);
    guestIn(life)!.running = false;
    await life.untilReady();
    expect(guestIn(life)).toMatchObject({ running: true });
    expect(guestIn(life)!.config['smbios1']).toContain(UID);
    expect(guestIn(life)!.config['onboot']).toBeUndefined();
  });

  test.each<[string, Partial<VirtualMachine['spec']>, (life: Life) => void]>([
    [
      'on request',
      {},
      (life) => life.store.annotate({ 'virtrigaud.io/restartedAt': '2026-03-01T12:00:10Z' }),
    ],
    ['where the policy allows it', { rebootPolicy: 'IfRequired' }, () => undefined],
  ])('is restarted %s, once, and runs as its spec says', async (_when, spec, ask) => {
    const life = await startedEarly(spec);
    await passes(life, 3);
    ask(life);
    await life.untilReady();
    await passes(life);
    expect(life.pve.stops).toBe(1);
    expect(guestIn(life)).toMatchObject({ running: true });
    expect(guestIn(life)!.config['smbios1']).toContain(UID);
  });

  test('is not shut down while it could not be configured and started afterwards', async () => {
    const image = { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } };
    const life = await startedEarly({ rebootPolicy: 'IfRequired', userData: image });
    life.pve.localContent = 'vztmpl';
    life.restart(); // the operator knows nothing of the storage as it was
    await passes(life);
    expect(life.pve.stops).toBe(0);
    expect(readyOf(life)).toMatchObject({ status: 'False', reason: 'StartedUnconfigured' });
    expect(readyOf(life)?.message).toContain('content type "iso"');
    life.pve.localContent = 'iso';
    await life.untilReady();
    expect(life.pve.stops).toBe(1);
    expect(guestIn(life)!.config['smbios1']).toContain(UID);
  });

  test('is stopped where the spec says Off, and configured', async () => {
    const life = await startedEarly({ powerState: 'Off' });
    await life.untilReady();
    expect(guestIn(life)).toMatchObject({ running: false });
    expect(guestIn(life)!.config['smbios1']).toContain(UID);
  });

  test('is deleted with its object', async () => {
    const life = await startedEarly();
    await passes(life);
    await life.delete();
    expect(guestIn(life)).toBeUndefined();
  });
});
