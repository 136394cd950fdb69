import { describe, expect, test } from '@jest/globals';
import { diskWork } from '../../../../../controllers/virtualmachine/disks/work.ts';
import type { Claim, Observed } from '../../../../../controllers/virtualmachine/model/observed.ts';
import type { Task } from '../../../../../controllers/virtualmachine/model/tasks.ts';
import type { Plan } from '../../../../../controllers/virtualmachine/model/plan.ts';
import type { Desired } from '../../../../../controllers/virtualmachine/model/desired.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { holdOffMs } from '../../../../../controllers/shared/plan/hold-off.ts';
import { OVERDUE_MS, pollGapMs } from '../../../../../controllers/shared/tasks/in-progress.ts';
import { seconds, bytes, GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import {
  aNamesake,
  aClaim,
  aGuest,
  aMark,
  aDesiredVm,
  configOf,
  CREATION,
  FOREIGN,
  FORMER,
  GONE,
  NOW,
  observed,
  seen,
  UPID,
} from '../../../../builders/guests.ts';
import { OTHER_UID } from '../../../../builders/objects.ts';

const planned = (want: Desired, have: Partial<Observed>): Plan => plan(want, observed(have));
const step = (want: Desired, have: Partial<Observed>) => {
  const next = planned(want, have);
  return next.kind === 'act' ? next.step : undefined;
};
const reason = (want: Desired, have: Partial<Observed>) => {
  const next = planned(want, have);
  return 'reason' in next ? next.reason : undefined;
};

const MADE = aClaim({ made: true });
const there = (guest: Parameters<typeof seen>[0] = {}, claim: Claim = MADE) => ({
  claim,
  presence: seen(guest),
});
const ABSENT = { kind: 'absent' } as const;
const UNKNOWN = { kind: 'unknown', message: 'The cluster has no quorum.' } as const;
const running = (ageMs: number) =>
  ({ upid: UPID, type: 'Clone', state: 'running', ageMs }) as const satisfies Task;

describe('a running task', () => {
  test('is asked about after a tenth of its age, within 50 ms and 2 s', () => {
    expect([0, 499, 1_000, 60_000].map((age) => pollGapMs(age))).toEqual([50, 50, 100, 2_000]);
    expect(planned(aDesiredVm(), { claim: aClaim(), task: running(1_000) })).toMatchObject({
      kind: 'wait',
      againMs: 100,
    });
  });

  test('that takes more than five minutes is overdue, not failed, and asked about less often', () => {
    expect(reason(aDesiredVm(), { task: running(OVERDUE_MS) })).toBe('TaskRunning');
    expect(planned(aDesiredVm(), { task: running(OVERDUE_MS + 1) })).toMatchObject({
      kind: 'wait',
      reason: 'TaskOverdue',
      againMs: 30_000.1,
    });
  });

  test('is read and overdue as the operator is configured', () => {
    const timing = { maxGap: seconds(10), overdueAfter: seconds(90) };
    expect(planned(aDesiredVm(), { task: { ...running(90_000), timing } })).toMatchObject({
      reason: 'TaskRunning',
      againMs: 9_000,
    });
    expect(planned(aDesiredVm(), { task: { ...running(90_001), timing } })).toMatchObject({
      reason: 'TaskOverdue',
      message: expect.stringContaining('The task has been running for more than 90 s.'),
    });
  });

  test('on a node that is offline waits for the node', () => {
    expect(
      reason(GONE, {
        ...there(),
        task: { upid: UPID, type: 'Stop', state: 'unreachable', node: nodeName('pve-2') },
      }),
    ).toBe('NodeOffline');
  });

  test('is described by what it does, also where another version of the operator started it', () => {
    const message = (type: Task['type']) =>
      planned(aDesiredVm(), { task: { upid: UPID, type, state: 'running', ageMs: 0 } });
    expect(message('Clone')).toHaveProperty('message', 'Proxmox VE is making the clone.');
    expect(message('Unknown')).toMatchObject({
      kind: 'wait',
      reason: 'TaskRunning',
      message: 'Proxmox VE is running a task that another version of the operator started.',
    });
  });

  test('of someone else is waited for like our own', () => {
    expect(reason(aDesiredVm(), { ...there({ running: false }), activeTasks: [UPID] })).toBe('TaskRunning');
    expect(reason(GONE, { ...there(), activeTasks: [UPID] })).toBe('TaskRunning');
  });
});

describe('a lock of Proxmox VE', () => {
  test('without a task is reported with the command that clears it', () => {
    const next = planned(aDesiredVm(), { ...there({ lock: 'backup', running: false }), lockedMs: 600_000 });
    expect(next).toMatchObject({ kind: 'refuse', reason: 'LockedWithoutTask' });
    expect(next).toHaveProperty('message', expect.stringContaining('qm unlock 101'));
  });

  test('that a snapshot left which was deleted halfway is reported with what may be in the way', () => {
    const messageOf = (lock: string): unknown => {
      const next = planned(aDesiredVm(), { ...there({ lock, running: false }), lockedMs: 600_000 });
      return 'message' in next ? next.message : undefined;
    };
    expect(messageOf('snapshot-delete')).toMatch(
      /qm unlock 101\. A snapshot of the VM was deleted halfway; .*If linked clones on Ceph need it, delete them/,
    );
    expect(messageOf('backup')).not.toMatch(/snapshot/);
  });

  test('is waited for ten minutes, and as long as the guest is suspended to disk', () => {
    const locked = (lock: string, lockedMs: number) =>
      reason(aDesiredVm(), { ...there({ lock, running: false }), lockedMs });
    expect([locked('backup', 599_999), locked('suspended', 600_000)]).toEqual(['Locked', 'SuspendedToDisk']);
  });

  test("is nobody's concern while there is nothing to do", () => {
    expect(planned(aDesiredVm(), { ...there({ lock: 'backup' }), activeTasks: [UPID] }).kind).toBe('steady');
  });

  test.each(['clone', 'create'])('"%s" holds back judgement about whose guest it is', (lock) => {
    const unmarked = { lock, mark: undefined, config: { lock } };
    for (const want of [aDesiredVm(), GONE]) {
      expect(reason(want, there(unmarked, aClaim()))).toBe('Locked');
      expect(reason(want, { ...there(unmarked, aClaim()), lockedMs: 600_000 })).toBe('LockedWithoutTask');
    }
  });

  test("on somebody else's guest holds back nothing", () => {
    const foreign = { lock: 'suspended', config: configOf(FOREIGN) };
    expect(step(aDesiredVm(), there(foreign, aClaim()))).toEqual({ do: 'releaseClaim', vmid: 101 });
    expect(step(GONE, there(foreign))).toEqual({ do: 'releaseClaim', vmid: 101 });
    expect(reason(aDesiredVm(), there(foreign))).toBe('NotOurs');
  });
});

describe('a guest on our number', () => {
  test.each([
    ['without a mark', undefined, 'does not carry the owner mark of this object'],
    ['of another object', aMark({ name: 'db', uid: OTHER_UID }), 'belongs to VirtualMachine default/db'],
    ['of another namespace', FOREIGN, 'belongs to a VirtualMachine of another namespace'],
    [
      'of another cluster with the same object',
      aMark({ cluster: 'cluster-2' }),
      'belongs to a VirtualMachine of another Kubernetes installation',
    ],
  ])('%s is left alone, and how to adopt it is reported', (_what, mark, whose) => {
    const next = planned(aDesiredVm(), there({ mark, config: configOf(FOREIGN) }));
    expect(next).toMatchObject({ kind: 'refuse', reason: 'NotOurs' });
    expect(next).toHaveProperty('message', expect.stringContaining(whose));
    expect(next).toHaveProperty('message', expect.not.stringContaining('other/'));
    expect(next).toHaveProperty(
      'message',
      expect.stringContaining(`virtrigaud: cluster-1/default/web/${aMark().uid}`),
    );
  });

  test.each([
    ['kept', aDesiredVm()],
    ['deleted', GONE],
  ])('of an object that is %s, with our SMBIOS UUID but without our mark, is left alone', (_what, want) => {
    const next = planned(want, there({ mark: undefined }));
    expect(next).toMatchObject({ kind: 'refuse', reason: 'MarkMissing' });
    expect(next).toHaveProperty('message', expect.stringContaining('virtrigaud: cluster-1/default/web/'));
  });

  test.each([
    ['kept', aDesiredVm(), 'set spec.adopt.vmid to 101'],
    ['deleted', GONE, 'virtrigaud.io/force-delete'],
  ])(
    'of an object that is %s, with our mark but another SMBIOS UUID, is left alone',
    (_what, want, wayOut) => {
      const copied = { config: configOf(aMark(), { smbios1: `uuid=${FOREIGN.uid}` }) };
      const next = planned(want, there(copied));
      expect(next).toMatchObject({ kind: 'refuse', reason: 'UuidMismatch' });
      expect(next).toHaveProperty('message', expect.stringContaining(wayOut));
      expect(next).toHaveProperty(
        'message',
        expect.stringContaining(`virtrigaud: cluster-1/default/web/${aMark().uid} uuid=${FOREIGN.uid}`),
      );
    },
  );

  test('that has the UUID recorded when it was adopted, but no mark, is left alone', () => {
    const config = configOf(aMark(), { smbios1: `uuid=${FOREIGN.uid}` });
    const claim = aClaim({ made: true, uuid: FOREIGN.uid });
    const next = planned(aDesiredVm(), there({ mark: undefined, config }, claim));
    expect(next).toMatchObject({ kind: 'refuse', reason: 'MarkMissing' });
    expect(next).toHaveProperty('message', expect.stringContaining(` uuid=${FOREIGN.uid}`));
  });

  test('that was marked again for another object goes with that one', () => {
    const marked = aMark({ name: 'new', uid: FOREIGN.uid, uuid: aMark().uid });
    const config = configOf(marked, { smbios1: `uuid=${aMark().uid}` });
    expect(reason(aDesiredVm(), there({ config }))).toBe('NotOurs');
    expect(step(GONE, there({ config }))).toEqual({ do: 'releaseClaim', vmid: 101 });
  });

  test('that was made by someone faster costs us only the number', () => {
    expect(step(aDesiredVm(), there({ mark: FOREIGN }, aClaim()))).toEqual({ do: 'releaseClaim', vmid: 101 });
  });

  test('whose object was renamed in Kubernetes is still ours by its uid', () => {
    expect(planned(aDesiredVm(), there({ mark: aMark({ name: 'renamed' }) })).kind).toBe('steady');
  });
});

describe('a guest of an object of our name', () => {
  const namesake = (mark: ReturnType<typeof aMark>) => ({
    namesakes: [aNamesake({ vmid: vmid(300), mark, uuid: mark.uid })],
  });

  test('is never doubled when the object was created again', () => {
    const next = planned(aDesiredVm(), namesake(FORMER));
    expect(next).toMatchObject({ kind: 'refuse', reason: 'BelongsToFormerObject' });
    expect(next).toHaveProperty('message', expect.stringContaining('VM 300'));
  });

  test('is claimed again when it is the very same object', () => {
    expect(step(aDesiredVm(), namesake(aMark()))).toEqual({ do: 'reserve', vmid: 300, recovers: true });
  });

  test('in another Kubernetes cluster reports how to exist next to it', () => {
    const next = planned(aDesiredVm(), namesake(aMark({ cluster: 'cluster-2' })));
    expect(next).toHaveProperty('message', expect.stringContaining('virtrigaud.io/beside-other-clusters'));
  });

  test('is of no interest once a number is claimed, or when the object goes', () => {
    expect(step(aDesiredVm(), { ...namesake(FORMER), claim: aClaim() })?.do).toBe('clone');
    expect(planned(GONE, namesake(FORMER)).kind).toBe('gone');
  });
});

describe('after a failed task', () => {
  const failure = (attempts: number, at = NOW) => ({
    step: 'Clone' as const,
    message: 'no space',
    attempts,
    at,
  });

  test('the wait doubles from 5 s up to 5 min', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 50].map((attempts) => holdOffMs({ attempts }) / 1_000)).toEqual([
      5, 10, 20, 40, 80, 160, 300, 300, 300,
    ]);
  });

  test('nothing is done before the wait is over, and then the step again', () => {
    expect(planned(aDesiredVm(), { claim: aClaim(), failure: failure(2) })).toMatchObject({
      reason: 'BackingOff',
      againMs: 10_000,
    });
    expect(step(aDesiredVm(), { claim: aClaim(), failure: failure(2, NOW - 10_000) })?.do).toBe('clone');
  });

  test('five times in a row a person is called, and it is still tried', () => {
    expect(planned(aDesiredVm(), { claim: aClaim(), failure: failure(5) })).toMatchObject({
      kind: 'refuse',
      reason: 'TaskFailed',
      againMs: 80_000,
    });
    expect(step(aDesiredVm(), { claim: aClaim(), failure: failure(5, NOW - 80_000) })?.do).toBe('clone');
  });
});

describe('a volume that an earlier guest of our number left behind', () => {
  const left = (step: 'Clone' | 'Configure', message: string) =>
    ({ step, message, attempts: 1, at: NOW }) as const;
  const FILE = "clone failed: disk image '/var/lib/ssd/images/101/vm-101-cloudinit.qcow2' already exists";
  const LVM = 'lvcreate error: Logical Volume "vm-101-cloudinit" already exists in volume group "pve"';
  const RBD = "rbd create 'vm-101-cloudinit' error: rbd: create error: (17) File exists";

  test.each([FILE, LVM, RBD])('costs only the number: %s', (message) => {
    const have = { claim: aClaim(), presence: ABSENT, failure: left('Clone', message) };
    expect(step(aDesiredVm(), have)).toEqual({ do: 'releaseClaim', vmid: 101 });
  });

  test.each([
    ['the number is that of the spec', { vmid: vmid(101) }, { failure: left('Clone', FILE) }],
    ['the guest exists', {}, { ...there(), failure: left('Configure', FILE.slice('clone failed: '.length)) }],
  ])('is reported with the way out where %s', (_where, want, have) => {
    const next = planned(aDesiredVm(want), { claim: aClaim(), presence: ABSENT, ...have });
    expect(next).toMatchObject({ kind: 'wait', reason: 'VolumeLeftBehind', againMs: 5_000 });
    expect(next).toHaveProperty('message', expect.stringContaining('pvesm list STORAGE --vmid 101'));
    const later = { ...have, now: NOW + 5_000 };
    expect(reason(aDesiredVm(want), { claim: aClaim(), presence: ABSENT, ...later })).not.toBe(
      'VolumeLeftBehind',
    );
  });

  test('is not what a failure about anything else speaks of', () => {
    for (const message of [
      'unable to create VM 101: config file already exists',
      "disk image '/x/images/102/vm-102-cloudinit.qcow2' already exists",
      'no space left for vm-101-disk-0',
    ])
      expect(
        reason(aDesiredVm(), { claim: aClaim(), presence: ABSENT, failure: left('Clone', message) }),
      ).toBe('BackingOff');
  });

  test('gives no number back that may have a guest', () => {
    const failure = left('Clone', FILE);
    expect(step(aDesiredVm(), { claim: aClaim(), presence: UNKNOWN, failure })).toBeUndefined();
    expect(step(aDesiredVm(), { claim: MADE, presence: ABSENT, failure })).toBeUndefined();
  });
});

describe('creation', () => {
  test('reserves a number first, then clones under that number', () => {
    expect(step(aDesiredVm(), {})).toEqual({ do: 'reserve' });
    expect(step(aDesiredVm(), { claim: aClaim() })).toEqual({
      do: 'clone',
      vmid: 101,
      creation: CREATION,
      name: 'web',
      owner: aMark(),
    });
  });

  test('reserves no number while there is no place', () => {
    const creation = { ok: false, reason: 'NoEligibleNode', message: 'No node can.' } as const;
    expect(reason(aDesiredVm({ creation }), {})).toBe('NoEligibleNode');
    expect(reason(aDesiredVm({ creation }), { claim: aClaim() })).toBe('NoEligibleNode');
  });

  test('reserves the number that the spec asks for, unless somebody has it', () => {
    const fixed = aDesiredVm({ vmid: vmid(777) });
    expect(step(fixed, {})).toEqual({ do: 'reserve', fixed: 777 });
    const vmidTaken = 'VMID 777 belongs to the VM "db" on node pve-1.';
    expect(planned(fixed, { vmidTaken })).toMatchObject({ kind: 'wait', reason: 'VmidTaken' });
  });

  test('writes down again what was chosen if that must be another, before it clones', () => {
    const claim = aClaim();
    const creation = { ...CREATION, node: nodeName('pve-3') };
    expect(step(aDesiredVm({ creation }), { claim })).toEqual({ do: 'recordPlacement', creation });
  });

  test('waits 60 s where a clone may be under way, then clones', () => {
    const doubt = (ageMs: number) => ({ claim: aClaim({ certain: false, ageMs }), presence: ABSENT });
    expect(reason(aDesiredVm(), doubt(59_999))).toBe('CreateOutcomeUnknown');
    expect(step(aDesiredVm(), doubt(60_000))?.do).toBe('clone');
  });

  test('is not repeated for a guest that was made once', () => {
    expect(reason(aDesiredVm(), { claim: MADE, presence: ABSENT })).toBe('GuestMissing');
    const creation = { ok: false, reason: 'ImageNotFound', message: 'gone' } as const;
    expect(reason(aDesiredVm({ creation }), { claim: MADE, presence: ABSENT })).toBe('GuestMissing');
  });

  test('needs proof that the number is empty', () => {
    expect(reason(aDesiredVm(), { claim: aClaim(), presence: UNKNOWN })).toBe('CannotProveAbsence');
    expect(reason(aDesiredVm(), { claim: MADE, presence: UNKNOWN })).toBe('CannotProveAbsence');
  });
});

describe('configuration', () => {
  const seed = {
    volume: 'local:iso/x.iso',
    storage: 'local',
    filename: 'x.iso',
    recorded: false,
    uploaded: false,
  };
  const change = (parts: object) => ({ set: { cores: 4 }, delete: [], ...parts });

  test('deletes an image of other contents before it notes the next', () => {
    const have = { ...there(), change: change({ seed }), seedVolume: 'local:iso/old.iso' };
    expect(step(aDesiredVm(), have)).toEqual({
      do: 'deleteSeed',
      volume: 'local:iso/old.iso',
      replaced: true,
    });
  });

  test('waits for its image to be recorded, then uploaded', () => {
    const next = (parts: object) =>
      step(aDesiredVm(), { ...there(), change: change({ seed: { ...seed, ...parts } }) })?.do;
    expect([next({}), next({ recorded: true }), next({ recorded: true, uploaded: true })]).toEqual([
      'recordSeed',
      'uploadSeed',
      'configure',
    ]);
  });

  test('deletes an image that no drive has, unless a snapshot for which it was kept is listed or unknown', () => {
    const row = {
      name: 'first',
      description: '',
      takenAt: undefined,
      memory: false,
      parent: undefined,
      state: undefined,
    };
    const next = (parts: Partial<Observed>) =>
      step(aDesiredVm(), { ...there(), seedVolume: 'local:iso/old.iso', ...parts })?.do;
    expect(next({})).toBe('deleteSeed');
    expect(next({ seedKeptBy: 'first' })).toBeUndefined();
    expect(next({ seedKeptBy: 'first', listedSnapshots: [row] })).toBeUndefined();
    expect(next({ seedKeptBy: 'first', listedSnapshots: [] })).toBe('deleteSeed');
  });

  test('is not written where the image is impossible', () => {
    const seedProblem = { reason: 'NoIsoStorage', message: 'There is no storage.' };
    expect(reason(aDesiredVm(), { ...there(), change: change({ seedProblem }) })).toBe('NoIsoStorage');
  });

  test('goes before growing the disk, and that before starting', () => {
    const want = aDesiredVm({ rootDisk: bytes(40 * GiB) });
    const guest = aGuest({ running: false });
    const disks = diskWork(want, guest, { recorded: [], detached: [], storages: [], isApplied: () => false });
    expect(step(want, { ...there({ running: false }), disks, change: change({}) })?.do).toBe('configure');
    expect(step(want, { ...there({ running: false }), disks })).toEqual({
      do: 'growDisk',
      disk: 'scsi0',
      to: 40 * GiB,
      digest: 'digest-1',
    });
    expect(step(aDesiredVm(), there({ running: false }))?.do).toBe('start');
  });
});

describe('power', () => {
  test.each([
    ['On', true, undefined],
    ['On', false, 'start'],
    ['Off', true, 'stop'],
    ['Off', false, undefined],
    ['OffGraceful', true, 'shutdown'],
    ['OffGraceful', false, undefined],
  ] as const)('%s of a guest that runs: %s leads to %s', (power, isRunning, expected) => {
    expect(step(aDesiredVm({ power }), there({ running: isRunning }))?.do).toBe(expected);
  });

  describe('On of a guest that the operator has just stopped', () => {
    const off = (stoppedMs: number | undefined, guest: Parameters<typeof seen>[0] = {}) => ({
      ...there({ running: false, ...guest }),
      ...(stoppedMs !== undefined && { stoppedMs }),
    });

    test('waits until Proxmox VE has cleaned up after it, which would lock the guest if it ran again', () => {
      expect(planned(aDesiredVm(), off(1_000))).toMatchObject({
        kind: 'wait',
        reason: 'CleaningUp',
        againMs: 2_000,
      });
      expect(step(aDesiredVm(), off(3_000))?.do).toBe('start');
      expect(step(aDesiredVm(), off(undefined))?.do).toBe('start');
    });

    test('does not keep it from being destroyed, or from staying off', () => {
      expect(step(GONE, off(0))?.do).toBe('destroy');
      expect(planned(aDesiredVm({ power: 'Off' }), off(0)).kind).toBe('steady');
    });

    test('leaves the order to HA where HA manages it', () => {
      expect(step(aDesiredVm(), off(0, { ha: { managed: true, state: 'stopped' } }))?.do).toBe('start');
    });
  });

  test('gives the guest its grace time to shut down', () => {
    expect(step(aDesiredVm({ power: 'OffGraceful', graceSeconds: 5 }), there())).toEqual({
      do: 'shutdown',
      graceSeconds: 5,
    });
  });
});

describe('without quorum', () => {
  const noQuorum = { noQuorum: true } as const;
  const change = { set: { cores: 4 }, delete: [] };
  const disk = { do: 'growDisk', disk: 'scsi0', to: bytes(GiB), digest: 'd' } as const;
  const disks = { entries: [], unrecorded: false, steps: [disk], unmakeable: [], open: [], differences: [] };
  const seedVolume = 'local:iso/x.iso';

  test.each<[string, Desired, Partial<Observed>]>([
    ['no guest is cloned', aDesiredVm(), { claim: aClaim() }],
    ['no guest is configured', aDesiredVm(), { ...there(), change }],
    ['no guest is started', aDesiredVm(), there({ running: false })],
    ['no guest is moved', aDesiredVm(), { ...there(), move: { to: nodeName('pve-2') } }],
    ['no disk is changed', aDesiredVm(), { ...there(), disks }],
    ['no guest is destroyed', GONE, there({ running: false })],
    ['no guest is released', { ...GONE, deletionPolicy: 'Retain' }, there()],
    ['no image is deleted', GONE, { seedVolume }],
    [
      'no guest is shut down that could not be started again',
      aDesiredVm(),
      { ...there(), restart: { note: undefined, restartedAt: undefined, next: 'shutdown' } },
    ],
  ])('%s', (_what, want, have) => {
    expect(planned(want, have).kind).toBe('act');
    expect(planned(want, { ...have, ...noQuorum })).toMatchObject({ kind: 'wait', reason: 'NoQuorum' });
  });

  test.each<[string, Desired, Partial<Observed>, string]>([
    ['is stopped', aDesiredVm({ power: 'Off' }), there(), 'stop'],
    ['is stopped, whatever else is due', aDesiredVm({ power: 'Off' }), { ...there(), change }, 'stop'],
    ['is shut down', aDesiredVm({ power: 'OffGraceful' }), { ...there(), change }, 'shutdown'],
    ['is shut down before it is deleted', GONE, there(), 'shutdown'],
  ])('a guest %s', (_what, want, have, expected) => {
    expect(step(want, { ...have, ...noQuorum })?.do).toBe(expected);
  });

  test('a guest that is as desired is left alone', () => {
    expect(planned(aDesiredVm(), { ...there(), ...noQuorum }).kind).toBe('steady');
  });
});

describe('deletion', () => {
  test('waits for linked clones on Ceph, unless the guest stays', () => {
    const linkedClones = [{ volume: 'ceph:vm-201-disk-0', vmid: vmid(201), listed: true }];
    for (const guest of [{ running: true }, { running: false }]) {
      expect(planned(GONE, { ...there(guest), linkedClones })).toMatchObject({
        kind: 'wait',
        reason: 'InUse',
        message: expect.stringContaining('VM 201') as unknown,
      });
      const stays = { ...GONE, deletionPolicy: 'Retain' } as const;
      expect(reason(stays, { ...there(guest), linkedClones })).not.toBe('InUse');
    }
    expect(step(GONE, { ...there({ running: false }), linkedClones: [] })).toEqual({ do: 'destroy' });
  });

  const destroyed = (state: 'ok' | 'lost'): Task => ({ upid: UPID, type: 'Destroy', state });

  test('shuts down, destroys, gives the number back, deletes the image, in this order', () => {
    const seedVolume = 'local:iso/x.iso';
    expect(step(GONE, { ...there(), seedVolume })).toEqual({ do: 'shutdown', graceSeconds: 60 });
    expect(step(GONE, { ...there({ running: false }), seedVolume })).toEqual({ do: 'destroy' });
    // PVE destroys only the volumes in the configuration.
    const displacedDrive = { device: 'ide0', volume: 'fast:vm-101-cloudinit' };
    expect(step(GONE, { ...there({ running: false }), displacedDrive })).toMatchObject({
      do: 'reattachDrive',
      ...displacedDrive,
    });
    expect(step(GONE, { ...there(), displacedDrive })?.do).toBe('shutdown');
    expect(step(GONE, { claim: MADE, presence: ABSENT, seedVolume })).toEqual({
      do: 'releaseClaim',
      vmid: 101,
    });
    expect(step(GONE, { seedVolume })).toEqual({ do: 'deleteSeed', volume: seedVolume });
    expect(planned(GONE, {}).kind).toBe('gone');
  });

  describe('of a guest that is suspended to disk', () => {
    const hibernated = there({ running: false, lock: 'suspended' });

    test('destroys it with its saved memory: Proxmox VE refuses that for other locks only', () => {
      expect(step(GONE, hibernated)).toEqual({ do: 'destroy' });
      expect(reason(GONE, there({ running: false, lock: 'backup' }))).toBe('Locked');
    });

    test('waits for tasks of others', () => {
      expect(reason(GONE, { ...hibernated, activeTasks: [UPID] })).toBe('TaskRunning');
    });

    test.each(['Retain', 'Stop'] as const)('with %s says how to unlock it', (deletionPolicy) => {
      expect(reason({ ...GONE, deletionPolicy }, hibernated)).toBe('SuspendedToDisk');
    });
  });

  test('neither stops nor destroys a protected guest, and says how to release it', () => {
    const next = planned(GONE, there({ config: configOf(aMark(), { protection: '1' }) }));
    expect(next).toMatchObject({ kind: 'refuse', reason: 'Protected', againMs: 15_000 });
    expect(next).toHaveProperty('message', expect.stringContaining('qm set 101 --protection 0'));
    expect(step(GONE, there({ config: configOf(aMark(), { protection: '0' }) }))?.do).toBe('shutdown');
    // A guest that was never configured is protected only because its template is.
    const fresh = {
      ...there({ running: false, config: configOf(aMark(), { protection: '1' }) }),
      unconfigured: true,
    };
    expect(step(GONE, fresh)).toMatchObject({
      do: 'configure',
      change: { set: { protection: 0 }, delete: [] },
    });
  });

  test('trusts the destroy task that ended well, and only that', () => {
    expect(step(GONE, { claim: MADE, presence: UNKNOWN, task: destroyed('ok') })?.do).toBe('releaseClaim');
    expect(reason(GONE, { claim: MADE, presence: UNKNOWN, task: destroyed('lost') })).toBe(
      'CannotProveAbsence',
    );
  });

  test('waits 60 s where a clone may be under way', () => {
    const doubt = (ageMs: number) => ({ claim: aClaim({ certain: false, ageMs }), presence: ABSENT });
    expect(reason(GONE, doubt(59_999))).toBe('CreateOutcomeUnknown');
    expect(step(GONE, doubt(60_000))?.do).toBe('releaseClaim');
  });

  test('needs no wait for a number under which nothing was requested', () => {
    expect(step(GONE, { claim: aClaim(), presence: { kind: 'notMade' } })?.do).toBe('releaseClaim');
  });
});

test('a VM is not restarted while a disk of it cannot be had, since it would stay off', () => {
  const restart = { note: undefined, restartedAt: undefined, next: 'shutdown' } as const;
  const disks = { entries: [], unrecorded: false, steps: [], unmakeable: [], open: [], differences: [] };
  const have = observed({ claim: MADE, presence: seen({ running: true }), restart, disks });
  expect(plan(aDesiredVm(), have)).toMatchObject({ kind: 'act', step: { do: 'shutdown' } });
  const missing = { ...disks, unmakeable: ['Disk data cannot be made.'] };
  expect(plan(aDesiredVm(), { ...have, disks: missing }).kind).toBe('steady');
});
