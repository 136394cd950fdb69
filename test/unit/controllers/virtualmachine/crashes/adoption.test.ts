/** With any fault on the way, a guest that exists is adopted once, and no other is created. */
import { test } from '@jest/globals';
import { vmid } from '../../../../../src/lib/units.ts';
import { textWithoutMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach } from './everywhere.ts';

const VMID = 321;
const UUID = '11111111-2222-4333-8444-555555555555';
const CONFIG = {
  name: 'old-db',
  cores: '2',
  memory: '1024',
  agent: '1',
  description: 'Made by hand.',
  smbios1: `uuid=${UUID}`,
  boot: 'order=scsi0',
  scsi0: 'local-lvm:vm-321-disk-0,size=10G',
  net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0',
};

async function adopt(faults: ReadonlyMap<number, Fault>) {
  const calls: string[] = [];
  const saboteur = new Saboteur((call, what) => {
    calls.push(what);
    return faults.get(call);
  });
  const life = new Life({
    vm: { spec: { adopt: { vmid: vmid(VMID) } } },
    between: saboteur.between,
    isDead: saboteur.isDead,
  });
  life.pve.add(VMID, CONFIG, { running: true });
  await life.untilReady();
  const onTheWay = [...calls];
  // Requests that are still on their way arrive, without further effect.
  life.now += 60_000;
  for (let passes = 0; passes < 6; passes += 1) await life.pass();
  const { pve, status } = life;
  const own = pve.guestsOf(UID).map(({ vmid: number, config, running }) => ({
    vmid: number,
    running,
    text: textWithoutMark(config['description'] ?? '').trim(),
    uuid: config['smbios1'],
    memory: config['memory'],
  }));
  const clones = pve.requests.filter((route) => route.endsWith('/clone')).length;
  return { calls: onTheWay, seen: { own, clones, stops: pve.stops, adopted: status.adopted } };
}

const DONE = {
  own: [{ vmid: VMID, running: true, text: 'Made by hand.', uuid: `uuid=${UUID}`, memory: '2048' }],
  clones: 0,
  stops: 0,
  adopted: true,
};

test('if any one call fails', async () => {
  await oneFaultEach(adopt, DONE);
}, 240_000);

test('if any calls fail, any number of times', () => manyFaults(adopt, DONE), 240_000);
