import { describe, expect, test } from '@jest/globals';
import {
  plugsMemory,
  wholeModules,
} from '../../../../../controllers/virtualmachine/config/memory-modules.ts';
import { modules } from '../../../../fakepve/memory.ts';

describe('memory that is plugged in modules', () => {
  test('is rounded up as Proxmox VE does it', () => {
    for (let mib = 16; mib < 300_000; mib += 61) expect(wholeModules(mib, {})).toBe(modules(mib));
    for (const mib of [1024, 1025, 1536, 17_408, 17_409, 50_176, 50_177])
      expect(wholeModules(mib, {})).toBe(modules(mib));
  });

  test('is rounded once: whole modules stay as they are', () => {
    for (let mib = 16; mib < 300_000; mib += 997) {
      const once = wholeModules(mib, {});
      expect(wholeModules(once, {})).toBe(once);
    }
  });

  test('has modules of at least 1 GiB, and as much for each socket, where huge pages have 1 GiB', () => {
    expect(wholeModules(1100, { hugepages: '1024' })).toBe(2048);
    expect(wholeModules(1100, { hugepages: '1024', sockets: '4' })).toBe(4096);
    expect(wholeModules(1100, { hugepages: '2', sockets: '4' })).toBe(1536);
  });

  test('ends with the largest amount that has modules', () => {
    expect(wholeModules(64 * 1024 ** 2, {})).toBe(4_178_944);
  });
});

test.each([
  ['network,disk,usb,memory', true],
  ['memory', true],
  ['1', false],
  ['0', false],
  ['network,disk', false],
])('hotplug: %s plugs memory: %s', (hotplug, expected) => {
  expect(plugsMemory({ hotplug })).toBe(expected);
  expect(plugsMemory({})).toBe(false);
});
