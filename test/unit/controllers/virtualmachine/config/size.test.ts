import { describe, expect, test } from '@jest/globals';
import type { Keys } from '../../../../../controllers/shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import {
  cpuAtCreation,
  cpuLater,
  cpusOf,
  inForce,
  memoryAtCreation,
  memoryLater,
  memoryMiBOf,
} from '../../../../../controllers/virtualmachine/config/size.ts';
import { bytes, GiB, MiB } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, configOf } from '../../../../builders/guests.ts';

const ROOM = { maxCpus: 12, nodeCpus: 16 };
const NOTHING: Keys = { set: {}, delete: [] };

/** A running guest with 2 of 8 CPUs and 2 GiB, unless the test says more. */
const guest = (config: GuestConfig = {}, change: Partial<Guest> = {}): Guest =>
  aGuest({ config: configOf(aMark(), config), ...change });
const cpus = (count: number, config: GuestConfig = {}, change: Partial<Guest> = {}): Keys =>
  cpuLater({ cpus: count }, guest(config, change), ROOM);
const gib = (n: number) => bytes(n * GiB);

describe('CPUs of a new guest', () => {
  test('have room to grow while it runs', () => {
    expect(cpuAtCreation({ cpus: 2 }, ROOM, {}).set).toEqual({
      cores: 12,
      vcpus: 2,
      hotplug: 'network,disk,usb,cpu',
    });
  });

  test('have no ceiling of their own where there is no room', () => {
    const { set, delete: gone } = cpuAtCreation({ cpus: 8 }, { maxCpus: 8 }, { vcpus: '1', sockets: '2' });
    expect(set).toEqual({ cores: 8 });
    expect(gone).toEqual(expect.arrayContaining(['vcpus', 'sockets']));
  });

  test.each([
    ['1', 'network,disk,usb,cpu'],
    ['0', 'cpu'],
    ['disk,memory', 'disk,memory,cpu'],
    ['cpu,disk', 'cpu,disk'],
  ])('are hot-plugged in addition to what the template hot-plugs (%s)', (hotplug, expected) => {
    expect(cpuAtCreation({ cpus: 2 }, ROOM, { hotplug }).set['hotplug']).toBe(expected);
  });
});

describe('CPUs of a guest that runs', () => {
  test('change within the ceiling by vcpus alone', () => {
    expect(cpus(8)).toEqual({ set: { vcpus: 8 }, delete: [] });
    expect(cpus(1)).toEqual({ set: { vcpus: 1 }, delete: [] });
    expect(cpus(8, { cores: '2', sockets: '4' })).toEqual({ set: { vcpus: 8 }, delete: [] });
  });

  test('reach the ceiling at once and exceed it at the next start, with new room to grow', () => {
    expect(cpus(9, { sockets: '1' })).toEqual({ set: { cores: 12, vcpus: 8 }, delete: ['sockets'] });
  });

  test('follow when the new ceiling is in force', () => {
    expect(cpus(9, { cores: '12', vcpus: '8' })).toEqual({ set: { vcpus: 9 }, delete: [] });
  });

  test('keep to the ceiling in force while another one waits for a start', () => {
    const pending = [{ key: 'cores', current: '8', pending: '12' }];
    expect(cpus(9, { cores: '12', vcpus: '8' }, { pending })).toEqual(NOTHING);
    expect(cpus(9, { cores: '12', vcpus: '2' }, { pending })).toEqual({ set: { vcpus: 8 }, delete: [] });
  });

  test('take a ceiling back that waits for a start and is no longer needed', () => {
    const pending = [
      { key: 'cores', current: '4', pending: '12' },
      { key: 'sockets', current: '2' },
    ];
    const config = { cores: '12', vcpus: '8' };
    expect(cpus(2, config, { pending })).toEqual({ set: { cores: '4', sockets: '2', vcpus: 2 }, delete: [] });
  });

  test('are left alone where cores and sockets say the same', () => {
    const { vcpus: _, ...config } = configOf(aMark(), { cores: '2', sockets: '2' });
    expect(cpuLater({ cpus: 4 }, aGuest({ config }), ROOM)).toEqual(NOTHING);
  });

  test('that cannot be hot-plugged can be from the next ceiling on', () => {
    const config = { cores: '2', hotplug: 'disk' };
    expect(cpus(3, config).set).toEqual({ cores: 12, hotplug: 'disk,cpu' });
  });
});

describe('CPUs of a guest that is off', () => {
  const off = { running: false };

  test('exceed the ceiling in one write', () => {
    expect(cpus(9, {}, off)).toEqual({ set: { cores: 12, vcpus: 9 }, delete: [] });
  });

  test('get their cores back if fewer were set than the guest has CPUs', () => {
    expect(cpus(2, { cores: '1' }, off)).toEqual({ set: { cores: 12 }, delete: [] });
  });
});

test.each([
  [{}, 1, 1],
  [{ cores: '4', sockets: '2' }, 8, 8],
  [{ cores: '4', vcpus: '3' }, 3, 4],
  [{ cores: 'many' }, 1, 1],
])('CPUs are read from %j', (config, now, ceiling) => {
  expect(cpusOf(config)).toEqual({ now, ceiling });
});

describe('more CPUs than the node has', () => {
  test('are not written: Proxmox VE would not start the VM', () => {
    expect(cpus(20).set).not.toHaveProperty('cores');
  });

  test('are reduced to what the node has if the configuration contains them', () => {
    expect(cpus(2, { cores: '20' }).set).toMatchObject({ cores: 16 });
  });
});

describe('memory', () => {
  test.each([
    ['4096', 4096],
    ['current=4096', 4096],
    [undefined, 512],
    ['much', 512],
  ])('is read from %s', (memory, mib) => {
    expect(memoryMiBOf(memory === undefined ? {} : { memory })).toBe(mib);
  });

  test.each(['2048', 'current=2048'])('is not written where it is %s already', (memory) => {
    expect(memoryLater({ memory: gib(2) }, guest({ memory }))).toEqual(NOTHING);
  });

  test('is written in MiB, rounded down', () => {
    expect(memoryLater({ memory: gib(4) }, guest()).set).toEqual({ memory: 4096 });
    expect(memoryLater({ memory: bytes(2 * GiB + MiB - 1) }, guest()).set).toEqual({});
  });

  test("takes the template's balloon target away, but leaves a balloon that is switched off", () => {
    expect(memoryAtCreation({ memory: gib(2) }, { balloon: '1024' }).delete).toEqual(['balloon']);
    expect(memoryAtCreation({ memory: gib(2) }, { balloon: '0' }).delete).toEqual([]);
  });

  test('takes a later balloon target away only if it is above the memory', () => {
    expect(memoryLater({ memory: gib(2) }, guest({ balloon: '1024' })).delete).toEqual([]);
    expect(memoryLater({ memory: gib(2) }, guest({ balloon: '4096' })).delete).toEqual(['balloon']);
  });
});

describe('memory of a class with room to grow', () => {
  const desired = (memory: number, maxMemory = 8) => ({ memory: gib(memory), maxMemory: gib(maxMemory) });
  const made = { memory: '8192', balloon: '2048', shares: '0' };

  test('is the most it may have, held back by a balloon that only we move', () => {
    expect(memoryAtCreation(desired(2), { memory: '1024', balloon: '512' })).toEqual({
      set: { memory: 8192, balloon: 2048, shares: 0 },
      delete: [],
    });
  });

  test.each([1, 4, 8])('changes to %i GiB by the balloon alone', (memory) => {
    expect(memoryLater(desired(memory), guest(made))).toEqual({
      set: { balloon: memory * 1024 },
      delete: [],
    });
  });

  test('exceeds the ceiling of the guest at its next start', () => {
    expect(memoryLater(desired(12, 16), guest(made))).toEqual({
      set: { memory: 16_384, balloon: 12_288 },
      delete: [],
    });
  });

  test('takes a ceiling back that waits for a start and is no longer needed', () => {
    const pending = [{ key: 'memory', current: '8192', pending: '16384' }];
    const config = { memory: '16384', balloon: '12288', shares: '0' };
    expect(memoryLater(desired(4, 16), guest(config, { pending }))).toEqual({
      set: { memory: 8192, balloon: 4096 },
      delete: [],
    });
  });

  test('keeps the ceiling of a guest when the class gets another that suffices', () => {
    expect(memoryLater(desired(2, 4), guest(made))).toEqual(NOTHING);
    expect(memoryLater(desired(2, 64), guest(made))).toEqual(NOTHING);
  });

  test('is fixed at the next start when the class has room no more, and follows until then', () => {
    expect(memoryLater({ memory: gib(4) }, guest(made))).toEqual({
      set: { memory: 4096, balloon: 4096 },
      delete: [],
    });
  });
});

test('what waits for the next start is not in force', () => {
  const pending = [
    { key: 'cores', current: '8', pending: '12' },
    { key: 'vga', pending: 'qxl' },
    { key: 'cpu', current: 'host' },
  ];
  expect(inForce({ config: { cores: '12', vga: 'qxl', name: 'web' }, pending })).toEqual({
    cores: '8',
    cpu: 'host',
    name: 'web',
  });
});

describe('memory of a guest that plugs it in modules', () => {
  const HOTPLUG = { hotplug: 'network,disk,usb,cpu,memory', numa: '1' };
  const later = (mib: number, config: GuestConfig, change: Partial<Guest> = {}): Keys =>
    memoryLater({ memory: bytes(mib * MiB) }, guest({ ...HOTPLUG, ...config }, change));

  test('is not written again because of what Proxmox VE rounded up', () => {
    expect(later(1100, { memory: '1536' })).toEqual(NOTHING);
    expect(later(512, { memory: '1024' })).toEqual(NOTHING);
  });

  test('is asked for in whole modules, with which alone the guest starts', () => {
    expect(later(1100, { memory: '4096' })).toEqual({ set: { memory: 1536 }, delete: [] });
    expect(memoryAtCreation({ memory: bytes(1100 * MiB) }, HOTPLUG).set).toEqual({ memory: 1536 });
    expect(memoryAtCreation({ memory: bytes(1100 * MiB) }, {}).set).toEqual({ memory: 1100 });
  });

  test('has modules of 1 GiB with huge pages, for the one socket that it will have', () => {
    const config = { ...HOTPLUG, hugepages: '1024', sockets: '4' };
    expect(memoryAtCreation({ memory: bytes(1100 * MiB) }, config).set).toEqual({ memory: 2048 });
  });

  test('keeps modules while the guest runs with them, and until it starts without', () => {
    const pending = [{ key: 'hotplug', current: HOTPLUG.hotplug, pending: 'network,disk,usb,cpu' }];
    const without = { hotplug: 'network,disk,usb,cpu', memory: '1536' };
    expect(later(1100, without, { pending })).toEqual(NOTHING);
    expect(later(1100, without, { pending: [], running: false })).toEqual({
      set: { memory: 1100 },
      delete: [],
    });
  });

  test('has a maximum of whole modules, below which the balloon is exact', () => {
    const settings = { memory: bytes(1100 * MiB), maxMemory: bytes(3000 * MiB) };
    expect(memoryAtCreation(settings, HOTPLUG).set).toEqual({ memory: 3072, balloon: 1100, shares: 0 });
    const config = { ...HOTPLUG, memory: '3072', balloon: '1100', shares: '0' };
    expect(memoryLater(settings, guest(config))).toEqual(NOTHING);
  });
});

describe('a minimum of memory', () => {
  const desired = (memory: number, least: number) => ({ memory: gib(memory), minMemory: gib(least) });

  test('is the balloon that Proxmox VE may inflate, so its shares must not be 0', () => {
    expect(memoryAtCreation(desired(4, 2), { memory: '1024', balloon: '512', shares: '0' })).toEqual({
      set: { memory: 4096, balloon: 2048 },
      delete: ['shares'],
    });
    expect(memoryAtCreation(desired(4, 2), { balloon: '0' }).set).toMatchObject({ balloon: 2048 });
  });

  test('changes by itself, and what is as desired is not written', () => {
    const made = { memory: '4096', balloon: '2048' };
    expect(memoryLater(desired(4, 2), guest(made))).toEqual(NOTHING);
    expect(memoryLater(desired(4, 3), guest(made))).toEqual({ set: { balloon: 3072 }, delete: [] });
    expect(memoryLater(desired(4, 2), guest({ ...made, shares: '1000' }))).toEqual(NOTHING);
  });

  test('stays when it leaves the class', () => {
    expect(memoryLater({ memory: gib(4) }, guest({ memory: '4096', balloon: '2048' }))).toEqual(NOTHING);
  });
});
