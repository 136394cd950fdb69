/** What a VM that is to be off refers to is not needed to switch it off. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { UID } from '../../../builders/objects.ts';
import { Life } from '../../../builders/life.ts';

type Spec = Partial<VirtualMachine['spec']>;

/** No bridge is known for this name, so the spec cannot be resolved. */
const NOWHERE: Spec = { networks: [{ name: 'nowhere' }] };

async function passes(life: Life, count = 12): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

const guestIn = (life: Life) => [...life.pve.guests.values()].find(({ vmid }) => vmid !== 9000)!;
const readyOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Ready');
const asked = ({ pve }: Life, what: string) => pve.requests.filter((route) => route.endsWith(what)).length;

async function edited(spec: Spec, before: (life: Life) => void = () => undefined): Promise<Life> {
  const life = new Life();
  await life.untilReady();
  await passes(life, 2);
  before(life);
  life.store.editSpec(spec);
  await passes(life);
  return life;
}

describe('a VM whose edited spec cannot be resolved', () => {
  test.each([
    ['Off', 'status/stop'],
    ['OffGraceful', 'status/shutdown'],
  ] as const)(
    'is switched off where the edit also says %s, once, and says what is wrong',
    async (powerState, request) => {
      const life = await edited({ ...NOWHERE, powerState });
      expect(guestIn(life).running).toBe(false);
      expect(asked(life, request)).toBe(1);
      expect(readyOf(life)).toMatchObject({ status: 'False', reason: 'NetworkUnknown' });
      expect(life.status).toMatchObject({ powerState: 'Off', phase: 'Stopped' });
      expect(life.status).not.toHaveProperty('ipAddresses');
      expect(life.conditions).not.toHaveProperty('GuestAgentConnected');
      expect(life.status.task).toBeUndefined();
    },
  );

  test('is not read again once it is off', async () => {
    const life = await edited({ ...NOWHERE, powerState: 'Off' });
    const before = asked(life, '{vmid}/config');
    await passes(life);
    expect(asked(life, '{vmid}/config')).toBe(before);
  });

  test('is looked for nowhere where its guest is gone', async () => {
    const life = await edited(
      { ...NOWHERE, powerState: 'Off' },
      (live) => void live.pve.guests.delete(guestIn(live).vmid),
    );
    await passes(life, 3);
    const others = () =>
      life.pve.requests.filter((route) => !/cluster\/(resources|tasks|status)$/.test(route));
    const before = others();
    await passes(life);
    expect(others()).toEqual(before);
  });

  test.each<[string, Spec, (life: Life) => void]>([
    ['it is to run', {}, () => undefined],
    [
      'it has a hook to run before it stops',
      { powerState: 'Off', lifecycle: { preStop: { exec: { command: ['sync'] } } } },
      () => undefined,
    ],
    ['nothing may be changed', { powerState: 'Off', managementPolicy: 'ObserveOnly' }, () => undefined],
    [
      'this is a dry run',
      { powerState: 'Off' },
      (life) => life.store.annotate({ 'virtrigaud.io/dry-run': 'true' }),
    ],
    [
      'the guest does not carry the mark',
      { powerState: 'Off' },
      (life) => {
        const { description: _mark, ...config } = guestIn(life).config;
        guestIn(life).config = config;
        guestIn(life).digest += 1;
      },
    ],
  ])('stays on where %s', async (_why, spec, before) => {
    const life = await edited({ ...NOWHERE, ...spec }, before);
    expect(guestIn(life).running).toBe(true);
    expect(life.pve.stops).toBe(0);
    expect(readyOf(life)).toMatchObject({ status: 'False', reason: 'NetworkUnknown' });
  });

  test('goes on once it can be resolved', async () => {
    const life = await edited({ ...NOWHERE, powerState: 'Off' });
    life.store.editSpec({ networks: [{ name: 'lan' }], powerState: 'On' });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)[0]?.running).toBe(true);
  });
});
