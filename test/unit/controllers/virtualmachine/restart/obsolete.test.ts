import { describe, expect, test } from '@jest/globals';
import { obsoleteKeys } from '../../../../../controllers/virtualmachine/restart/obsolete.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aClass, UID } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';

const guestIn = (life: Life) => life.pve.guestsOf(UID)[0]!;
const pendingIn = ({ status }: Life) => (status.pendingChanges ?? []).map(({ key }) => key);

async function passes(life: Life, count = 12): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

describe('a change that waits for a restart', () => {
  test('is reverted once the spec and the class no longer ask for it, and what others left pending stays', async () => {
    let cpuType: string | undefined;
    const life = new Life({ vmClass: () => aClass({ maxCpus: 4, cpuType }) });
    await life.untilReady();
    guestIn(life).config = { ...guestIn(life).config, vga: 'qxl' };
    guestIn(life).digest += 1;
    cpuType = 'host';
    life.store.editSpec({ disks: [{ name: 'root', size: bytes(10 * GiB), ssd: true, cache: 'writeback' }] });
    await passes(life);
    expect(pendingIn(life).toSorted()).toEqual(['cpu', 'scsi0', 'vga']);
    cpuType = undefined;
    life.store.editSpec({ disks: [{ name: 'root', size: bytes(10 * GiB) }] });
    await passes(life);
    expect(pendingIn(life)).toEqual(['vga']);
    expect(life.status.internal?.requestedChanges).toBeUndefined();
    expect(life.pve.stops).toBe(0);
    expect(guestIn(life).config['cpu']).toBe(guestIn(life).inForce['cpu']);
  });

  test('is no longer ours with another value, and of disks only options are reverted', () => {
    const pending = [
      { key: 'cpu', current: 'kvm64', pending: 'max' },
      { key: 'agent', current: '0', pending: '1' },
      { key: 'scsi1', current: 'tank:d,size=1G', pending: 'tank:d,size=1G,ssd=1' },
      { key: 'scsi2', pending: 'tank:e,size=1G' },
      { key: 'scsi3', current: 'tank:f,size=1G' },
    ];
    const requested = pending.map((row) => (row.key === 'cpu' ? { ...row, pending: 'host' } : row));
    expect(obsoleteKeys({ pending }, requested, [])).toEqual(['agent', 'scsi1']);
    expect(obsoleteKeys({ pending }, requested, ['agent'])).toEqual(['scsi1']);
  });
});
