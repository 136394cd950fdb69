import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import type { DesiredDisk } from '../../../../../controllers/virtualmachine/model/disks.ts';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import { inForce, cpusOf } from '../../../../../controllers/virtualmachine/config/size.ts';
import { hasSerialOf } from '../../../../../controllers/virtualmachine/disks/drive.ts';
import { parseDisk } from '../../../../../src/pve/index.ts';
import { diskWorlds, FOREIGN_DISKS, withStorages } from '../../../../builders/arbitrary-disks.ts';
import { unobstructed } from '../../../../builders/arbitrary-worlds.ts';
import { NO_HA } from '../../../../builders/guests.ts';
import { run, type Run } from '../../../../builders/planner-run.ts';
import { observe, type World } from '../../../../builders/planner-world.ts';

const RUNS = { numRuns: 60 };

/** A guest of ours that can be had, and a desired state that differs from what it is. */
const open = diskWorlds.map((world) => withStorages(unobstructed({ ...world, applied: undefined })));

const guestOf = (world: World): Guest | undefined => {
  const { presence } = observe(world);
  return presence.kind === 'seen' ? presence.guest : undefined;
};

const doing = ({ steps }: Run, ...what: readonly string[]) =>
  steps.filter(({ step }) => what.includes(step.do));

const desired = ({ want }: World) => (want.exists ? (want.disks ?? []) : []);

const driveOf = (guest: Guest | undefined, name: string): string | undefined =>
  Object.entries(guest?.config ?? {}).find(
    ([key, text]) => /^(scsi|virtio|sata)\d+$/.test(key) && hasSerialOf(text, name),
  )?.[1];

const isThere = (storage: string | undefined): boolean => storage === 'local-lvm' || storage === 'fast';

/** A disk that was detached in Proxmox VE is not made again. */
function expectMade({ name, size, storage, storageClass }: DesiredDisk, end: World, start: World): void {
  const guest = end.guest!;
  const text = driveOf(guest, name);
  if (text === undefined) {
    const known = start.disks.some((disk) => disk.name === name && disk.volume !== undefined);
    expect(known || !isThere(storage)).toBe(true);
    return;
  }
  expect(parseDisk(text).size).toBeGreaterThanOrEqual(size ?? 0);
  const held = guest.config['parent'] !== undefined || guest.pending.length > 0;
  if (isThere(storageClass) && !held) expect(text.startsWith(`${storageClass!}:`)).toBe(true);
}

type Hold = 'snapshot' | 'storage' | 'pending';

/** The same world with something that keeps disks where they are. */
function holding(world: World, reason: Hold): World {
  const { guest } = world;
  if (reason === 'storage')
    return { ...world, storages: world.storages.map((each) => ({ ...each, status: 'unknown' })) };
  if (!guest) return world;
  if (reason === 'snapshot')
    return { ...world, guest: { ...guest, config: { ...guest.config, parent: 'before' } } };
  const waiting = Object.entries(guest.config).flatMap(([key, current]) =>
    /^scsi[234]$/.test(key) ? [{ key, current, pending: `${current},ro=1` }] : [],
  );
  return { ...world, guest: { ...guest, pending: waiting } };
}

/** Nothing holds them any more. */
function released(end: World, { storages }: World): World {
  const { guest } = end;
  if (!guest) return { ...end, storages };
  const { parent: _snapshot, ...config } = guest.config;
  return { ...end, storages, guest: { ...guest, config, pending: [] } };
}

describe('with disks in every state, the planner', () => {
  test('settles, and then does nothing', () => {
    fc.assert(
      fc.property(fc.oneof(diskWorlds, open), (world) => {
        const { steps, end, last } = run(world);
        expect(last.kind).not.toBe('act');
        expect(steps.length).toBeLessThanOrEqual(30);
        expect(run(end).steps).toEqual([]);
      }),
      RUNS,
    );
  });

  test('makes and grows every disk whose storage is there, and moves it where nothing holds it', () => {
    fc.assert(
      fc.property(open, (world) => {
        const { end, last } = run(world);
        if (last.kind === 'steady') for (const disk of desired(end)) expectMade(disk, end, world);
      }),
      RUNS,
    );
  });

  test('moves a disk that had to wait as soon as nothing holds it, with any passes in between', () => {
    fc.assert(
      fc.property(open, fc.constantFrom('snapshot', 'storage', 'pending'), (world, reason) => {
        const held = run(holding(world, reason));
        const freed = released(held.end, world);
        const { end, last } = run(freed);
        if (held.last.kind !== 'steady' || last.kind !== 'steady') return;
        for (const disk of desired(end)) expectMade(disk, end, freed);
      }),
      RUNS,
    );
  });

  test('never makes a disk smaller, whichever it is', () => {
    fc.assert(
      fc.property(diskWorlds, (world) => {
        for (const { step, world: at } of doing(run(world), 'growDisk')) {
          if (step.do !== 'growDisk') continue;
          expect(step.to).toBeGreaterThan(parseDisk(guestOf(at)!.config[step.disk]!).size ?? Infinity);
        }
      }),
      RUNS,
    );
  });

  test('leaves drives and volumes that it does not know as they are', () => {
    fc.assert(
      fc.property(fc.oneof(diskWorlds, open), (world) => {
        const ours = run(world);
        // Where a number is given back, the next one has another guest.
        if (!world.guest || ours.end.guest?.vmid !== world.guest.vmid) return;
        expect(ours.end.guest.config).toMatchObject(FOREIGN_DISKS);
        for (const { step } of ours.steps) {
          const device = 'device' in step ? step.device : 'disk' in step ? step.disk : undefined;
          expect(Object.keys(FOREIGN_DISKS)).not.toContain(device);
          if (step.do === 'destroyDisk') expect(Object.values(FOREIGN_DISKS)).not.toContain(step.volume);
        }
      }),
      RUNS,
    );
  });

  test('destroys only a volume that status knew, of a disk that left the spec with that spec', () => {
    fc.assert(
      fc.property(diskWorlds, (world) => {
        for (const { step, world: at } of doing(run(world), 'destroyDisk')) {
          if (step.do !== 'destroyDisk') continue;
          expect(desired(at).map(({ name }) => name)).not.toContain(step.name);
          expect(at.disks).toContainEqual(
            expect.objectContaining({ name: step.name, volume: step.volume, reclaimPolicy: 'Delete' }),
          );
        }
      }),
      RUNS,
    );
  });

  test('puts a disk only into a slot that was noted and is empty, or that the disk itself is leaving', () => {
    fc.assert(
      fc.property(diskWorlds, (world) => {
        for (const { step, world: at } of doing(run(world), 'attachDisk')) {
          if (step.do !== 'attachDisk') continue;
          expect(guestOf(at)!.config).not.toHaveProperty(step.device);
          expect(at.disks).toContainEqual(expect.objectContaining({ name: step.name, device: step.device }));
        }
      }),
      RUNS,
    );
  });

  test('holds back neither the size nor the power of a guest that runs for a disk that cannot be had', () => {
    const failing = open.map((world): World => {
      const { want, guest } = world;
      if (!want.exists) return world;
      const disk = { name: 'missing', storage: 'nowhere', options: {}, reclaimPolicy: 'Detach' as const };
      return {
        ...world,
        want: { ...want, power: 'On', disks: [disk, ...(want.disks ?? [])] },
        task: undefined,
        failure: undefined,
        guest: guest && { ...guest, running: true, state: 'running', ha: NO_HA, pending: [] },
      };
    });
    fc.assert(
      fc.property(
        failing.filter(
          (world) =>
            world.guest !== undefined && world.claim !== undefined && observe(world).unconfigured !== true,
        ),
        (world) => {
          const { end, steps } = run(world);
          const guest = end.guest!;
          expect(steps.some(({ step }) => step.do === 'stop' || step.do === 'shutdown')).toBe(false);
          expect(guest.running).toBe(true);
          expect(observe(end).change).toBeUndefined();
          if (world.want.exists)
            expect(cpusOf(guest.config).now).toBe(Math.min(world.want.cpus, cpusOf(inForce(guest)).ceiling));
        },
      ),
      RUNS,
    );
  });
});
