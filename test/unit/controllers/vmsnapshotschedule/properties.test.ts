/** Whatever happens to clock, process and schedule. */
import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { SCHEDULE_UID_LABEL } from '../../../../src/api/index.ts';
import { minutes } from '../../../../src/lib/units.ts';
import { aSchedule, aVM, World } from './world.ts';

const HOUR = minutes(60);

const actions = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 10, max: 60 }) }),
    },
    // A snapshot is only taken again if it was deleted and its time comes again, so not further than a day.
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('setBack' as const), hours: fc.integer({ min: 1, max: 23 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('suspend', 'resume', 'resume', 'finish', 'finish', 'finish', 'restart', 'die'),
      }),
    },
  ),
  { minLength: 8, maxLength: 14, size: 'max' },
);

async function passOrDie(world: World): Promise<void> {
  try {
    await world.pass();
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'killed') throw error;
    world.restart();
  }
}

/** A deletion that must not be. */
function objection({ snapshots }: World, name: string): string | undefined {
  const found = snapshots.find(({ metadata }) => metadata.name === name);
  if (!found) return undefined;
  const { metadata, spec, status } = found;
  if (metadata.labels[SCHEDULE_UID_LABEL] !== 'uid-of-nightly') return 'it is of another';
  const newer = snapshots.filter(
    (each) =>
      each.spec.vmRef.name === spec.vmRef.name &&
      each.metadata.labels[SCHEDULE_UID_LABEL] === 'uid-of-nightly' &&
      each.status?.readyToUse === true &&
      Date.parse(each.status.creationTime ?? '') >= Date.parse(status?.creationTime ?? ''),
  );
  return newer.length < 2 ? 'it is the newest' : undefined;
}

describe('a schedule, whatever happens to its clock and its process,', () => {
  test('takes no snapshot twice, none while it is suspended, and deletes no newest and none of others', async () => {
    let [created, deleted] = [0, 0];
    await fc.assert(
      fc.asyncProperty(actions, async (drawn) => {
        const world = new World(aSchedule({ retention: { keepLast: 1 } }), [aVM('a'), aVM('b', ['ceph'])]);
        world.add('foreign', {}, { vmRef: { name: 'a' } }, { readyToUse: true });
        let dies = false;
        world.onWrite = (what) => {
          if (dies) {
            dies = false;
            throw new Error('killed');
          }
          const [verb, name = ''] = what.split(' ');
          if (verb === 'create' && world.schedule.spec.suspend === true) throw new Error('it is suspended');
          if (verb !== 'delete') return;
          deleted += 1;
          expect(objection(world, name)).toBeUndefined();
        };
        for (const action of drawn) {
          if ('hours' in action) world.now += (action.do === 'wait' ? 1 : -1) * action.hours * HOUR;
          else if (action.do === 'finish') world.finishNew();
          else if (action.do === 'restart') world.restart();
          else if (action.do === 'die') dies = true;
          else world.edit({ suspend: action.do === 'suspend' });
          for (let i = 0; i < 3; i += 1) await passOrDie(world);
        }
        created += world.created.length;
        expect(new Set(world.created).size).toBe(world.created.length);
        expect(world.snapshots.map(({ metadata }) => metadata.name)).toContain('foreign');
      }),
      { numRuns: 25 },
    );
    expect(created).toBeGreaterThan(15);
    expect(deleted).toBeGreaterThan(1);
  }, 60_000);
});
