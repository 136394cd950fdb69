/** Snapshots of many virtual machines, taken again and again. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { cronOrNickname, timeZone } from './cron.ts';
import { kind, type Input, type Output } from './kind.ts';
import type { Resource } from './resource.ts';
import { annotations, labels, labelSelector } from './selector.ts';
import { list, longDuration, moment, text, word } from './schema.ts';
import { snapshotOptions } from './vmsnapshot.ts';

const template = z.object({
  labels: labels
    .optional()
    .describe('Labels of the VMSnapshots, at most 32. Those of Argo CD, Flux and Helm are left out.'),
  annotations: annotations
    .optional()
    .describe(
      'Annotations of the VMSnapshots, at most 32. Those of Argo CD, Flux, Helm and kubectl are left out.',
    ),
  ...snapshotOptions,
});

const retention = z.object({
  keepLast: z
    .int32()
    .min(1)
    .max(1000)
    .optional()
    .describe('How many snapshots of each VM are kept, the newest ones; absent: keepFor decides alone.'),
  keepFor: longDuration
    .optional()
    .describe(
      'How long a snapshot is kept, for example 30d; absent: keepLast decides alone. A snapshot is deleted only if neither field keeps it.',
    ),
});

const spec = z.object({
  schedule: word(
    cronOrNickname,
    128,
    'must be a cron expression with five fields: minute, hour, day of the month, month, day of the week; for example 0 2 * * SAT; or one of @hourly, @daily, @weekly, @monthly and @yearly',
  ).describe('When the snapshots are taken, as a cron expression, for example 0 2 * * *, or @daily.'),
  timeZone: timeZone
    .optional()
    .describe('IANA time zone of the schedule, for example Europe/Berlin; absent: UTC.'),
  suspend: z
    .boolean()
    .optional()
    .describe(
      'Whether no snapshots are taken. Times that pass meanwhile are not made up for. Retention goes on. Absent: false.',
    ),
  concurrencyPolicy: z
    .enum(['Forbid', 'Allow'])
    .optional()
    .describe(
      'What happens to a VM whose last snapshot of this schedule is not finished. Forbid (also when absent): it is skipped. Allow: another snapshot is requested.',
    ),
  startingDeadline: longDuration
    .optional()
    .describe(
      'How late a run may start, for example 6h; absent: at any time. Of the times that passed while the operator was down, only the last one is made up for.',
    ),
  selector: labelSelector.describe(
    'VirtualMachines in the namespace of the schedule whose snapshots are taken, by their labels. An empty selector selects all.',
  ),
  template: template.optional().describe('What the VMSnapshots are like.'),
  retention: retention
    .optional()
    .describe(
      'Which snapshots of this schedule are deleted. The newest snapshot of each VM that is ready never is. Absent: none.',
    ),
  skipAboveStorageUsage: z
    .int32()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Percentage of used space. A VM with a disk on a storage that is fuller is skipped. Absent: no limit.',
    ),
});

const skippedVM = z.object({
  name: text(253).describe('Name of the VirtualMachine.'),
  reason: z
    .enum(['NotCreated', 'PreviousNotFinished', 'StorageFull', 'StorageUnknown', 'NameTaken'])
    .describe(
      'Why. NotCreated: the VM does not exist in Proxmox VE yet. PreviousNotFinished: its last snapshot of this schedule is not finished. StorageFull: spec.skipAboveStorageUsage. StorageUnknown: how full its storages are could not be read. NameTaken: an object of another origin has the name of the VMSnapshot.',
    ),
  message: text(512).describe('The details.'),
});

const run = z.object({
  scheduledTime: moment.describe('Time that the schedule gave.'),
  startedAt: moment.describe('When the run began.'),
  completedAt: moment
    .optional()
    .describe('When a VMSnapshot had been requested for each VM, or the VM had been skipped.'),
  missed: z
    .boolean()
    .optional()
    .describe('Whether the run did not take place because spec.startingDeadline had passed.'),
  created: z.int32().min(0).describe('Number of VMSnapshots that were requested.'),
  skipped: z.int32().min(0).describe('Number of VMs that were skipped.'),
  skippedVMs: list(skippedVM, 16).optional().describe('VMs that were skipped. At most 16 are listed.'),
});

/** Written before the first VMSnapshot of a run is created. */
const internal = z.object({
  schedule: text(200).optional().describe('Schedule and time zone that the times below belong to.'),
  doneUntil: moment.optional().describe('Scheduled times up to this one are dealt with.'),
  cursor: text(253).optional().describe('The run has dealt with all VMs up to this name.'),
  ahead: list(text(253), 64).optional().describe('VMs after that name that it has dealt with.'),
});

const status = z.object({
  lastScheduleTime: moment.optional().describe('Scheduled time of the last run that took place.'),
  nextScheduleTime: moment.optional().describe('Next time of the schedule; absent while it is suspended.'),
  active: z.int32().min(0).optional().describe('Number of VMSnapshots of this schedule that are unfinished.'),
  snapshots: z.int32().min(0).optional().describe('Number of VMSnapshots of this schedule.'),
  readySnapshots: z.int32().min(0).optional().describe('Number of them that are ready to use.'),
  snapshotsInUse: z
    .int32()
    .min(0)
    .optional()
    .describe(
      'Number of them that are to be deleted and stay, as long as linked clones on Ceph need them or a VM runs; their conditions say why. Absent: none.',
    ),
  run: run.optional().describe('The current run, or the last one.'),
  ...statusBase,
  internal: internal
    .optional()
    .describe(
      "The operator's own bookkeeping. Do not rely on it: its fields may change without notice. Do not edit it: the operator acts on it.",
    ),
});

export const VMSnapshotSchedule = kind({
  kind: 'VMSnapshotSchedule',
  plural: 'vmsnapshotschedules',
  singular: 'vmsnapshotschedule',
  shortNames: ['vmsnapsched'],
  description: 'Takes snapshots of virtual machines regularly, and deletes old ones.',
  spec,
  status,
  whole: ['selector', 'template', 'retention'],
  columns: [
    { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule' },
    { name: 'Suspend', type: 'boolean', jsonPath: '.spec.suspend' },
    { name: 'Last', type: 'date', jsonPath: '.status.lastScheduleTime' },
    { name: 'Next', type: 'string', jsonPath: '.status.nextScheduleTime' },
    { name: 'Snapshots', type: 'integer', jsonPath: '.status.snapshots' },
    ready,
    age,
    readyMessage,
  ],
});

export type VMSnapshotScheduleSpec = Output<typeof spec>;
export type VMSnapshotScheduleSpecInput = Input<typeof spec>;
export type VMSnapshotScheduleStatus = Output<typeof status>;
export type VMSnapshotSchedule = Resource<VMSnapshotScheduleSpec, VMSnapshotScheduleStatus>;
