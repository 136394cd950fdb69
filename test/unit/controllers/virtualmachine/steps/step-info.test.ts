import { describe, expect, test } from '@jest/globals';
import type { Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import type { TaskLabel } from '../../../../../controllers/virtualmachine/model/tasks.ts';
import {
  blocksStart,
  infoOf,
  isDiskFailure,
  signatureOf,
  TASKS,
} from '../../../../../controllers/virtualmachine/steps/step-info.ts';
import { failureMessage, labelOf, taskMessage } from '../../../../../controllers/shared/tasks/labels.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aMark, CREATION, NOW } from '../../../../builders/guests.ts';

const EXAMPLES: { readonly [Name in Step['do']]: Extract<Step, { do: Name }> } = {
  reserve: { do: 'reserve' },
  adopt: { do: 'adopt', description: 'text', digest: 'd' },
  restoreMark: { do: 'restoreMark', description: 'text', digest: 'd' },
  recordRevert: {
    do: 'recordRevert',
    revert: {
      snapshot: 'before',
      uid: 'snapshot-1',
      requestedAt: '2026-03-01T12:00:00Z',
      generation: 1,
      state: 'Announced',
    },
  },
  releaseClaim: { do: 'releaseClaim', vmid: vmid(101) },
  recordPlacement: { do: 'recordPlacement', creation: CREATION },
  clone: { do: 'clone', vmid: vmid(101), creation: CREATION, name: 'web', owner: aMark() },
  create: {
    do: 'create',
    vmid: vmid(101),
    creation: { ok: true, node: nodeName('pve-1'), rootStorage: 'local-lvm' },
    settings: { name: 'web' },
  },
  migrate: { do: 'migrate', move: { to: nodeName('pve-2') } },
  recordSeed: { do: 'recordSeed', volume: 'local:iso/a.iso' },
  clearApplied: { do: 'clearApplied' },
  recordRestart: { do: 'recordRestart' },
  uploadSeed: {
    do: 'uploadSeed',
    seed: { volume: 'local:iso/a.iso', storage: 'local', filename: 'a.iso', uploaded: false, recorded: true },
  },
  configure: { do: 'configure', change: { set: { cipassword: 'hunter2' }, delete: ['tags'] }, digest: 'd' },
  revertPending: { do: 'revertPending', keys: ['memory'], digest: 'd' },
  recordTags: { do: 'recordTags', tags: ['web'] },
  recordNetworks: { do: 'recordNetworks' },
  recordDisks: { do: 'recordDisks' },
  recordCdroms: { do: 'recordCdroms' },
  attachDisk: { do: 'attachDisk', name: 'data', device: 'scsi1', text: 'fast:1', digest: 'd' },
  growDisk: { do: 'growDisk', disk: 'scsi1', to: bytes(GiB), digest: 'd' },
  moveDisk: { do: 'moveDisk', name: 'data', disk: 'scsi1', storage: 'fast', digest: 'd' },
  detachDisk: { do: 'detachDisk', name: 'data', device: 'scsi1', digest: 'd' },
  destroyDisk: {
    do: 'destroyDisk',
    name: 'data',
    unused: 'unused0',
    volume: 'fast:vm-101-disk-1',
    digest: 'd',
  },
  recordHook: { do: 'recordHook', hook: 'postStart' },
  runHook: { do: 'runHook', hook: 'preStop', command: ['true'], since: NOW },
  start: { do: 'start' },
  stop: { do: 'stop' },
  shutdown: { do: 'shutdown', graceSeconds: 60 },
  reattachDrive: { do: 'reattachDrive', device: 'ide2', volume: 'fast:vm-101-cloudinit', digest: 'd' },
  destroy: { do: 'destroy' },
  deleteSeed: { do: 'deleteSeed', volume: 'local:iso/a.iso' },
};
const steps = Object.values(EXAMPLES);
const namesOf = (is: (step: Step) => boolean): string[] =>
  steps
    .filter(is)
    .map((step) => step.do)
    .toSorted();

/** The compiler sees to it that none is missing. */
const LABELS: Readonly<Record<TaskLabel, true>> = {
  Clone: true,
  Create: true,
  Migrate: true,
  Configure: true,
  AttachDisk: true,
  GrowDisk: true,
  MoveDisk: true,
  DetachDisk: true,
  DestroyDisk: true,
  UploadImage: true,
  DeleteImage: true,
  Start: true,
  Stop: true,
  Shutdown: true,
  Destroy: true,
};

describe('a step', () => {
  test('changes the guest, a disk of it, the cloud-init image, or nothing but the status', () => {
    const touching = (what: string) => namesOf((step) => infoOf(step).touches === what);
    expect(touching('disk')).toEqual(['attachDisk', 'destroyDisk', 'detachDisk', 'growDisk', 'moveDisk']);
    expect(touching('image')).toEqual(['deleteSeed', 'uploadSeed']);
    expect(touching('newGuest')).toEqual(['clone', 'create']);
    expect(touching('guest')).toEqual([
      'adopt',
      'configure',
      'destroy',
      'migrate',
      'reattachDrive',
      'restoreMark',
      'revertPending',
      'runHook',
      'shutdown',
      'start',
      'stop',
    ]);
    // All others: their names say it.
    expect(touching('status').every((name) => /^(record|reserve|releaseClaim|clearApplied)/.test(name))).toBe(
      true,
    );
  });

  test('is carried out by HA where PVE has a request for it', () => {
    expect(namesOf((step) => infoOf(step).carriedOutByHa === true)).toEqual([
      'migrate',
      'shutdown',
      'start',
      'stop',
    ]);
  });

  test('is the same as another only for the same subject and generation', () => {
    const attach = EXAMPLES.attachDisk;
    expect(signatureOf(attach, 1)).toBe(signatureOf({ ...attach, digest: 'e' }, 1));
    expect(signatureOf(attach, 1)).not.toBe(signatureOf({ ...attach, name: 'logs' }, 1));
    expect(signatureOf(attach, 1)).not.toBe(signatureOf(attach, 2));
    expect(new Set(steps.map((step) => signatureOf(step, 1))).size).toBe(steps.length);
  });

  test('never says a value of the configuration that is secret', () => {
    const { wouldDo, event } = infoOf(EXAMPLES.configure);
    const said = [wouldDo(EXAMPLES.configure), event?.(EXAMPLES.configure, 'VM 101').message].join();
    expect(said).toContain('cipassword');
    expect(said).not.toContain('hunter2');
  });

  test('is described by what it would do, and in progress, without a full stop', () => {
    for (const step of steps) {
      expect(infoOf(step).wouldDo(step)).toMatch(/^[a-z].*[^.]$/);
      expect(infoOf(step).doing).toMatch(/^[a-z]+ing .*[^.]$/);
    }
  });
});

describe('the label of a task', () => {
  test('is that of exactly one step', () => {
    const begun = steps.flatMap((step) => infoOf(step).task ?? []);
    expect(begun.toSorted()).toEqual(Object.keys(LABELS).toSorted());
    expect([...TASKS.keys()].toSorted()).toEqual(Object.keys(LABELS).toSorted());
  });

  test('is read from status, where another version may have written one that is unknown', () => {
    expect(labelOf(TASKS, 'GrowDisk')).toBe('GrowDisk');
    expect(labelOf(TASKS, 'qmclone')).toBe('Unknown');
    expect(labelOf(TASKS, 'constructor')).toBe('Unknown');
    expect(taskMessage(TASKS, 'GrowDisk')).toBe('Proxmox VE is growing a disk.');
  });

  test('says what to do about a volume that is larger than its configuration says', () => {
    const failure = { step: 'GrowDisk', target: 'scsi1' } as const;
    expect(failureMessage(TASKS, { ...failure, message: 'shrinking disks is not supported' })).toBe(
      'Growing a disk (scsi1) failed in Proxmox VE: shrinking disks is not supported. Its volume is larger than the configuration says. To correct the configuration, run qm disk rescan --vmid VMID on the node of the VM.',
    );
    expect(failureMessage(TASKS, { ...failure, message: 'no space' })).toBe(
      'Growing a disk (scsi1) failed in Proxmox VE: no space.',
    );
  });

  test('tells what waits after a failure', () => {
    const failures = [...TASKS.keys(), 'Unknown' as const].map((step) => ({
      step,
      message: 'no space',
      attempts: 1,
      at: NOW,
    }));
    const where = (is: (failure: (typeof failures)[number]) => boolean) =>
      failures
        .filter(is)
        .map(({ step }) => step)
        .toSorted();
    expect(where(isDiskFailure)).toEqual(['AttachDisk', 'DestroyDisk', 'DetachDisk', 'GrowDisk', 'MoveDisk']);
    expect(steps.flatMap((step) => infoOf(step).target?.(step) ?? []).toSorted()).toEqual([
      'data',
      'data',
      'data',
      'data',
      'scsi1',
    ]);
    expect(where(blocksStart)).toEqual(['AttachDisk', 'GrowDisk']);
    expect([...TASKS].flatMap(([label, info]) => (info.blocksOnlyItself ? [label] : [])).toSorted()).toEqual([
      ...[...where(isDiskFailure), 'Migrate'].toSorted(),
    ]);
  });
});
