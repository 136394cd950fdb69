/** With any fault on the way, a VM is copied once, and nothing of the source is left on it. */
import { expect, test } from '@jest/globals';
import { GiB, bytes } from '../../../../../src/lib/units.ts';
import { aSource, SOURCE_CONFIG, SOURCE_VMID } from '../../../../builders/clone-sources.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach } from './everywhere.ts';

const UNNAMED = { name: 'data', device: 'scsi1', volume: 'local-lvm:vm-200-disk-1' };

/** Whether the serial number of the disk says which it is. */
const copying = (isNamed: boolean) => async (faults: ReadonlyMap<number, Fault>) => {
  const calls: string[] = [];
  const saboteur = new Saboteur((call, what) => {
    calls.push(what);
    return faults.get(call);
  });
  const life = new Life({
    vm: {
      spec: {
        imageRef: undefined,
        cloneFrom: { vmRef: { name: 'db' } },
        disks: [{ name: 'data', size: bytes(5 * GiB) }],
      },
    },
    others: () => [aSource(isNamed ? {} : { status: { disks: [UNNAMED] } })],
    between: saboteur.between,
    isDead: saboteur.isDead,
  });
  const config = isNamed ? SOURCE_CONFIG : { ...SOURCE_CONFIG, scsi1: `${UNNAMED.volume},size=5G` };
  const source = life.pve.add(SOURCE_VMID, config, { running: true });
  await life.untilReady();
  const onTheWay = [...calls];
  // Requests that are still on their way arrive, without further effect.
  life.now += 60_000;
  for (let passes = 0; passes < 3; passes += 1) await life.pass();
  const { pve, status } = life;
  const own = pve.guestsOf(UID).map(({ config, running }) => ({
    running,
    disks: Object.keys(config).filter((key) => /^(scsi|unused)\d+$/.test(key)),
    ofSource: ['tags', 'onboot', 'protection', 'cicustom'].filter((key) => key in config),
    images: Object.values(config).filter((text) => text.includes('virtrigaud-200')),
    address: config['ipconfig0'],
    uuid: config['smbios1'],
  }));
  await life.delete();
  life.now += 120_000;
  life.pve.settle();
  return {
    calls: onTheWay,
    seen: {
      own,
      cloneType: status.cloneType,
      disk: status.disks?.find(({ name }) => name === 'data')?.device,
      source: { untouched: source.digest === 1 && source.running, stops: pve.stops },
      left: [...pve.guests.keys()].toSorted((a, b) => a - b),
    },
  };
};
const copy = copying(true);

const DONE = {
  own: [
    {
      running: true,
      disks: ['scsi0', 'scsi1'],
      ofSource: [],
      images: [],
      address: 'ip=dhcp',
      uuid: `uuid=${UID}`,
    },
  ],
  cloneType: 'Full',
  disk: 'scsi1',
  source: { untouched: true, stops: 1 },
  left: [SOURCE_VMID, 9000],
};

test('if any one call fails', async () => {
  const calls = await oneFaultEach(copy, DONE);
  expect(calls.filter((what) => what.endsWith('/clone'))).toHaveLength(1);
}, 240_000);

test('if any one call fails, where no serial number says which disk is which', async () => {
  await oneFaultEach(copying(false), DONE);
}, 240_000);

test('if any calls fail, any number of times', () => manyFaults(copy, DONE), 240_000);
