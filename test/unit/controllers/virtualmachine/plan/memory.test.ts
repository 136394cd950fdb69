import { expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { plugsMemory } from '../../../../../controllers/virtualmachine/config/memory-modules.ts';
import { memoryMiBOf } from '../../../../../controllers/virtualmachine/config/size.ts';
import { bytes, MiB, vmid } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aGuest, aMark, configOf, NOW, TEMPLATE_CONFIG } from '../../../../builders/guests.ts';
import { unobstructed, worlds } from '../../../../builders/arbitrary-worlds.ts';
import { run } from '../../../../builders/planner-run.ts';
import type { World } from '../../../../builders/planner-world.ts';
import { modules } from '../../../../fakepve/memory.ts';

const HOTPLUG = { hotplug: 'network,disk,usb,cpu,memory', numa: '1' };

/** A guest of ours that plugs its memory in modules. */
const plugging = fc
  .tuple(worlds, fc.integer({ min: 16, max: 40_000 }), fc.integer({ min: 16, max: 40_000 }))
  .map(([world, desired, memory]): World => {
    const { guest, want, ...rest } = unobstructed({ ...world, applied: undefined });
    return {
      ...rest,
      want: want.exists ? { ...want, memory: bytes(desired * MiB) } : want,
      guest: guest && {
        ...guest,
        pending: [],
        config: { ...guest.config, ...HOTPLUG, memory: String(modules(memory)) },
      },
    };
  })
  .filter(({ guest, want }) => guest !== undefined && want.exists && want.maxMemory === undefined);

const MADE: Omit<World, 'want' | 'guest'> = {
  now: NOW,
  template: TEMPLATE_CONFIG,
  claim: { vmid: vmid(101), made: true, certain: true },
  claimedAt: NOW,
  blind: false,
  task: undefined,
  failure: undefined,
  othersTasks: [],
  namesakes: [],
  noted: undefined,
  delivery: {},
  answers: true,
  volumes: new Set(),
  storages: [],
  cloned: true,
  lockedMs: 0,
  devices: [],
  applied: undefined,
  note: undefined,
  restartedAt: undefined,
  othersTurn: false,
  hook: undefined,
  arrived: undefined,
  ownTags: [],
  disks: [],
  nextVmid: 200,
  maxCpus: 8,
};

test('a guest that plugs its memory gets the least that Proxmox VE can start it with, though its spec asks for less', () => {
  const config = { ...configOf(aMark()), hotplug: 'disk,memory', memory: '2048' };
  const { steps, end, last } = run({
    ...MADE,
    want: aDesiredVm({ memory: bytes(512 * MiB) }),
    guest: aGuest({ config, running: true }),
  });
  expect(last.kind).toBe('steady');
  expect(steps.map(({ step }) => step.do)).toEqual(['configure']);
  expect(memoryMiBOf(end.guest!.config)).toBe(1024);
});

test('memory that is plugged in modules is written at most once, and then settled', () => {
  fc.assert(
    fc.property(plugging, (world) => {
      const { steps, end, last } = run(world);
      expect(last.kind).not.toBe('act');
      const writes = steps.filter(({ step }) => step.do === 'configure' && 'memory' in step.change.set);
      expect(writes.length).toBeLessThanOrEqual(1);
      const asked = world.want.exists ? world.want.memory / MiB : 0;
      const config = end.guest?.config ?? {};
      // Another guest may have been made, of a template that plugs no memory.
      if (writes.length > 0 && plugsMemory(config)) expect(memoryMiBOf(config)).toBe(modules(asked));
    }),
    { numRuns: 30 },
  );
});
