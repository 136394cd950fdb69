/** A guest is found again after its status was removed: nothing that others changed in it meanwhile is overwritten. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { bytes, GiB } from '../../../../src/lib/units.ts';
import { Life } from '../../../builders/life.ts';
import { aClass, UID } from '../../../builders/objects.ts';

type Spec = Partial<VirtualMachine['spec']>;

const SPEC: Spec = {
  networks: [{ name: 'lan', bridge: 'vmbr0' }],
  disks: [
    { name: 'root', size: bytes(10 * GiB) },
    { name: 'data', size: bytes(2 * GiB) },
  ],
};

const guestIn = (life: Life) => life.pve.guestsOf(UID)[0]!;
const syncedOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Synced');

async function passes(life: Life, count = 20): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

/** As a person with the web interface would. */
function set(life: Life, change: Readonly<Record<string, string | undefined>>): void {
  const guest = guestIn(life);
  const changed = (config: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries({ ...config, ...change }).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value]],
      ),
    );
  guest.config = changed(guest.config);
  guest.inForce = changed(guest.inForce);
  guest.digest += 1;
}

/** Settled, changed in Proxmox VE, and then without its status. */
async function afterLoss(
  change: Readonly<Record<string, string | undefined>>,
  spec: Spec = {},
): Promise<{
  readonly life: Life;
  readonly before: Readonly<Record<string, string>>;
  readonly data: string;
}> {
  const life = new Life({
    vm: { spec: { ...SPEC, ...spec } },
    vmClass: () => aClass({ cpus: 2, maxCpus: 4 }),
  });
  await life.untilReady();
  await passes(life);
  const data = guestIn(life).config['scsi1']?.split(',')[0] ?? '';
  set(
    life,
    Object.fromEntries(Object.entries(change).map(([key, value]) => [key, value?.replace('DATA', data)])),
  );
  const before = { ...guestIn(life).config };
  life.store.loseStatus();
  await passes(life);
  return { life, before, data };
}

test('a guest that is as the spec says is left as it is', async () => {
  const { life, before } = await afterLoss({});
  expect(guestIn(life).config).toEqual(before);
  expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
  expect(life.status.internal?.recovered).toBeUndefined();
});

describe('a change of others', () => {
  test('is reported and left alone, also by another process', async () => {
    const { life } = await afterLoss({ vcpus: '1' });
    life.restart();
    await passes(life);
    expect(guestIn(life).config['vcpus']).toBe('1');
    expect(syncedOf(life)).toMatchObject({ status: 'False', reason: 'Drifted' });
  });

  test('is reverted where the spec asks for that', async () => {
    const { life } = await afterLoss({ vcpus: '1' }, { driftPolicy: 'Revert' });
    expect(guestIn(life).config['vcpus']).toBe('2');
  });

  test('does not keep later edits from being applied', async () => {
    const { life } = await afterLoss({ vcpus: '1' });
    life.store.editSpec({ tags: ['web'] });
    await passes(life);
    expect(guestIn(life).config['tags']).toContain('web');
    expect(guestIn(life).config['vcpus']).toBe('1');
  });
});

describe.each(['Report', 'Revert'] as const)('with the drift policy %s, a disk', (driftPolicy) => {
  test('that was detached gets no empty one in its place', async () => {
    const { life, data } = await afterLoss({ scsi1: undefined, unused0: 'DATA' }, { driftPolicy });
    expect(guestIn(life).config).toMatchObject({ unused0: data });
    expect(Object.keys(guestIn(life).config).filter((key) => /^scsi\d+$/.test(key))).toEqual(['scsi0']);
    const { message } = syncedOf(life)!;
    expect(message).toContain(`Disk data is not created`);
    const [, device, value] = /qm set \d+ --(\w+) ([^\s]+)\. /.exec(message) ?? [];
    expect(value).toContain(data);
    // The user does as the message says.
    set(life, { unused0: undefined, [device!]: value });
    life.restart();
    await passes(life);
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
    expect(Object.keys(guestIn(life).config).filter((key) => /^scsi\d+$/.test(key))).toHaveLength(2);
  });

  test('that has lost its serial number gets no empty one beside it', async () => {
    const { life, before, data } = await afterLoss({ scsi1: 'DATA,size=2G' }, { driftPolicy });
    expect(guestIn(life).config).toEqual(before);
    expect(syncedOf(life)?.message).toContain('add serial=data to the options of scsi1');
    set(life, { scsi1: `${data},size=2G,serial=data` });
    life.restart();
    await passes(life);
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
  });

  test('of which nothing is left is created', async () => {
    const { life } = await afterLoss({ scsi1: undefined }, { driftPolicy });
    expect(guestIn(life).config['scsi1']).toContain('serial=data');
  });
});
