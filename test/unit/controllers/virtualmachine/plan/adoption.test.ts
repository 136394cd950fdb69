import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { eventsOf } from '../../../../../controllers/virtualmachine/report/events.ts';
import { deletionPolicyOf } from '../../../../../controllers/shared/objects/deletion-policy.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { describeTemplate } from '../../../../../controllers/shared/guests/image-mark.ts';
import {
  isFormerOwner,
  isSameOwner,
  printMark,
} from '../../../../../controllers/shared/guests/owner-mark.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { unobstructed, desired, worldsWith } from '../../../../builders/arbitrary-worlds.ts';
import { touches } from '../../../../../controllers/virtualmachine/steps/step-info.ts';
import { aGuest, aMark, aDesiredVm, configOf, FOREIGN, FORMER } from '../../../../builders/guests.ts';
import { aVirtualMachine, OTHER_UID } from '../../../../builders/objects.ts';
import { planFor, run } from '../../../../builders/planner-run.ts';
import { isOurs, observe, type World } from '../../../../builders/planner-world.ts';

const OF_IMAGE = describeTemplate({
  cluster: 'c1',
  namespace: 'infra',
  name: 'ubuntu',
  uid: 'uid-of-ubuntu',
});
const RUNS = { numRuns: 100 };
const ADOPT = vmid(101);
const SIBLING = aMark({ name: 'db', uid: OTHER_UID });
const adopters = worldsWith(desired.map((digests) => ({ ...digests, adopt: ADOPT })));
const withGuest = (world: World): World => ({
  ...world,
  claim: undefined,
  guest: aGuest({ vmid: ADOPT, mark: undefined, config: { ...world.template, template: '' } }),
});

describe('an object that adopts', () => {
  test('does nothing to a guest that is not its own but mark it, and only where it is nobody else’s', () => {
    fc.assert(
      fc.property(adopters, (world) => {
        for (const { step, world: at } of run(world).steps) {
          if (!at.guest || isOurs(at, at.guest)) continue;
          expect(['reserve', 'adopt', 'releaseClaim', 'deleteSeed']).toContain(step.do);
          const { mark, template } = at.guest;
          if (step.do !== 'adopt') continue;
          expect(template).toBe(false);
          const { owner } = at.want;
          expect(mark === undefined || isFormerOwner(mark, owner) || isSameOwner(mark, owner)).toBe(true);
        }
      }),
      RUNS,
    );
  });

  test('does nothing to a guest that is not its own while the cluster has no quorum', () => {
    fc.assert(
      fc.property(adopters, (world) => {
        const start = withGuest(world);
        const claimed = { ...start, claim: { vmid: ADOPT, ageMs: 0, made: false, certain: true } };
        for (const at of [start, claimed]) {
          const next = plan(at.want, { ...observe(at), noQuorum: true });
          if (next.kind === 'act') expect(touches(next.step, 'status')).toBe(true);
        }
      }),
      RUNS,
    );
  });

  test('makes no guest', () => {
    fc.assert(
      fc.property(adopters, (world) => {
        const fresh = { ...world, claim: undefined };
        expect(run(fresh).steps.filter(({ step }) => step.do === 'clone')).toEqual([]);
      }),
      RUNS,
    );
  });

  test('reaches the desired state with a guest that is nobody’s, and writes its number down before it touches it', () => {
    fc.assert(
      fc.property(adopters.map(unobstructed).map(withGuest), (world) => {
        const { steps, end, last } = run({ ...world, failure: undefined, task: undefined, othersTasks: [] });
        expect(steps.slice(0, 2).map(({ step }) => step.do)).toEqual(['reserve', 'adopt']);
        expect(end.guest && isOurs(end, end.guest)).toBe(true);
        expect(last.kind).toBe('steady');
      }),
      RUNS,
    );
  });

  test('only reports what it would do where it may only look', () => {
    fc.assert(
      fc.property(adopters.map(unobstructed).map(withGuest), (world) => {
        const looks = { ...world, want: { ...world.want, restraint: 'ObserveOnly' as const } };
        const { steps, end } = run({ ...looks, failure: undefined, task: undefined, othersTasks: [] });
        expect(steps.map(({ step }) => step.do)).toEqual(['reserve']);
        expect(planFor(end)).toMatchObject({
          kind: 'withheld',
          steps: expect.arrayContaining([expect.objectContaining({ do: 'adopt' })]),
        });
        expect(end.guest?.mark).toBeUndefined();
      }),
      RUNS,
    );
  });
});

const ELSEWHERE = aMark({ cluster: 'elsewhere', uid: 'theirs' });
const whole = { ...aDesiredVm(), adopt: ADOPT };
const [drawn] = fc.sample(adopters, 1);
const planned = (change: Parameters<typeof aGuest>[0] | 'absent', adopter: object = {}) => {
  const want = { ...whole, ...adopter };
  return plan(want, {
    ...observe({ ...drawn!, want, claim: undefined, task: undefined, failure: undefined }),
    activeTasks: [],
    namesakes: [],
    candidate:
      change === 'absent' ? { kind: 'absent' } : { kind: 'seen', guest: aGuest({ vmid: ADOPT, ...change }) },
  });
};

describe('a candidate', () => {
  test.each([
    [
      'that is nobody’s is taken',
      { mark: undefined, config: {} },
      { do: 'reserve', vmid: ADOPT, adopts: true },
    ],
    [
      'of an earlier object of the name is taken',
      { mark: FORMER, config: configOf(FORMER) },
      { do: 'reserve' },
    ],
    ['that carries the object’s own mark is taken', { mark: aMark() }, { do: 'reserve' }],
  ])('%s', (_what, guest, step) => {
    expect(planned(guest)).toMatchObject({ kind: 'act', step });
  });

  test.each([
    ['a template', { mark: undefined, template: true }, 'VM 101 is a template'],
    ['a container', { mark: undefined, container: true as const }, '101 is a container'],
    [
      'what is being made into a template for a VMImage',
      { mark: undefined, config: { description: OF_IMAGE } },
      'remove the line that begins with "virtrigaud-image:"',
    ],
    [
      'the guest of another object',
      { mark: FOREIGN, config: configOf(FOREIGN) },
      'VM 101 belongs to a VirtualMachine of another namespace',
    ],
    [
      'a copy of the guest of an object in another namespace',
      { mark: FOREIGN },
      'VM 101 has the owner mark of a VirtualMachine of another namespace',
    ],
    [
      'a copy of the guest of another object',
      { mark: SIBLING },
      `remove from the description of VM 101 this line: ${printMark(SIBLING)}`,
    ],
  ])('%s is refused', (_what, guest, says) => {
    expect(planned(guest)).toMatchObject({
      kind: 'refuse',
      reason: 'NotAdoptable',
      message: expect.stringContaining(says),
    });
    expect(planned(guest)).toHaveProperty('message', expect.not.stringContaining('other/db'));
  });
});

describe('a candidate that is not granted', () => {
  const denied = { adoptDenied: true } as const;

  test.each<[string, Parameters<typeof aGuest>[0]]>([
    ['is nobody’s', { mark: undefined, config: {} }],
    ['is a template', { mark: undefined, template: true }],
    ['has the mark of a VMImage', { mark: undefined, config: { description: OF_IMAGE } }],
    ['belongs to another object', { mark: FOREIGN, config: configOf(FOREIGN) }],
    ['is of another installation', { mark: ELSEWHERE, config: configOf(ELSEWHERE) }],
  ])('and %s reads like one that does not exist', (_what, guest) => {
    expect(planned(guest, denied)).toEqual(planned('absent', denied));
    expect(planned(guest, denied)).toMatchObject({ kind: 'wait', reason: 'AdoptedVMNotFound' });
  });

  test('is taken all the same if an earlier object of the name had it', () => {
    expect(planned({ mark: FORMER, config: configOf(FORMER) }, denied)).toMatchObject({
      step: { do: 'reserve' },
    });
  });

  test('is not marked if the grant was withdrawn since its VMID was recorded', () => {
    const guest = aGuest({ vmid: ADOPT, mark: undefined, config: {} });
    const claim = { vmid: ADOPT, ageMs: 0, made: false, certain: true };
    const have = { ...observe({ ...drawn!, want: whole, task: undefined, failure: undefined }), claim };
    const seen = { ...have, activeTasks: [], presence: { kind: 'seen', guest } as const };
    expect(plan(whole, seen)).toMatchObject({ step: { do: 'adopt' } });
    expect(plan({ ...whole, ...denied }, seen)).toMatchObject({ step: { do: 'releaseClaim' } });
  });
});

describe('a candidate with the mark of another installation', () => {
  const theirs = { mark: ELSEWHERE, config: configOf(ELSEWHERE) };

  test.each([
    ['without a confirmation', {}],
    ['with the line of another guest', { confirmMark: printMark({ ...ELSEWHERE, uid: 'another' }) }],
    ['with something else', { confirmMark: 'yes' }],
  ])('is left alone %s, and what confirms it is said', (_how, adopter) => {
    expect(planned(theirs, adopter)).toMatchObject({
      kind: 'refuse',
      reason: 'NotAdoptable',
      message: expect.stringMatching(
        /another Kubernetes installation.* set spec\.adopt\.confirmMark to the line .* in the description of VM 101/,
      ),
    });
  });

  test('is taken with its own line, if the Provider grants it', () => {
    const confirmMark = printMark(ELSEWHERE);
    expect(planned(theirs, { confirmMark })).toMatchObject({ step: { do: 'reserve', adopts: true } });
    expect(planned(theirs, { confirmMark, adoptDenied: true })).toMatchObject({
      reason: 'AdoptedVMNotFound',
    });
  });
});

test('what differs is reported by key and not by value when a guest is taken over', () => {
  const [world] = fc.sample(adopters.map(unobstructed), 1).map(withGuest);
  const claimed = {
    ...world!,
    claim: { vmid: ADOPT, made: false, certain: true },
    failure: undefined,
    task: undefined,
    othersTasks: [],
  };
  const events = eventsOf({ plan: planFor(claimed), have: observe(claimed) });
  expect(events).toEqual([expect.objectContaining({ reason: 'Adopting' })]);
});

test('a guest that was adopted stays when its object goes, unless the spec says otherwise', () => {
  const adopted = { status: { adopted: true } };
  expect(deletionPolicyOf(aVirtualMachine(adopted))).toBe('Retain');
  expect(deletionPolicyOf(aVirtualMachine({ ...adopted, spec: { deletionPolicy: 'Delete' } }))).toBe(
    'Delete',
  );
  expect(deletionPolicyOf(aVirtualMachine({}))).toBe('Delete');
});

test('a VM that the operator made is deleted with its object although spec.adopt names it', () => {
  const made = aVirtualMachine({ spec: { adopt: { vmid: ADOPT } }, status: { vmid: ADOPT } });
  expect(deletionPolicyOf(made)).toBe('Delete');
});
