/** The VMSnapshots that a schedule makes. Pure. */
import {
  ANNOTATION_PREFIX,
  SCHEDULE_NAME_LABEL,
  SCHEDULE_UID_LABEL,
  type VMSnapshotSchedule,
  type VMSnapshotScheduleSpec,
  type VMSnapshotSpecInput,
} from '../../src/api/index.ts';
import { formatDuration } from '../../src/lib/duration.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import type { NewObject } from '../../src/runtime/controller.ts';
import { cut, HASH_LENGTH, MAX_NAME, nameLabel, withoutTracking } from '../shared/objects/made-by.ts';

type Template = NonNullable<VMSnapshotScheduleSpec['template']>;

/** `20260301-0200` of a time in epoch ms, in UTC. */
const stamp = (time: number): string =>
  new Date(time).toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-');

/** The same for the same schedule, VM and time, so that no crash makes a second one. */
export function snapshotName(
  { metadata }: Pick<VMSnapshotSchedule, 'metadata'>,
  vm: string,
  scheduledTime: number,
): string {
  const hash = sha256Hex(`${metadata.uid}/${vm}/${scheduledTime}`).slice(0, HASH_LENGTH);
  const end = `-${stamp(scheduledTime)}-${hash}`;
  return cut(`${metadata.name}-${vm}`.replaceAll('.', '-'), MAX_NAME - end.length) + end;
}

export function newSnapshot(
  schedule: VMSnapshotSchedule,
  vm: string,
  name: string,
): NewObject<VMSnapshotSpecInput> {
  const { labels, annotations, failureDeadline, ...options } = schedule.spec.template ?? {};
  const { namespace, name: scheduleName, uid } = schedule.metadata;
  return {
    namespace,
    name,
    labels: {
      ...withoutTracking(labels),
      [SCHEDULE_NAME_LABEL]: nameLabel(scheduleName),
      [SCHEDULE_UID_LABEL]: uid,
    },
    annotations: withoutTracking(annotations),
    spec: {
      vmRef: { name: vm },
      ...omitUndefined({
        ...options,
        failureDeadline: failureDeadline === undefined ? undefined : formatDuration(failureDeadline),
      }),
    },
  };
}

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** Why the API server would refuse every VMSnapshot; `undefined`: it would not. */
export function templateProblem({ labels = {}, annotations = {} }: Template = {}): string | undefined {
  const keys = [...Object.keys(labels), ...Object.keys(annotations)];
  const ours = keys.find((key) => key.startsWith(ANNOTATION_PREFIX));
  if (ours !== undefined)
    return `spec.template: ${ours} cannot be set for all snapshots of a schedule. Remove it; annotate single VMSnapshots instead.`;
  const key = keys.find((each) => !KEY.test(each) || each.length > 317);
  if (key !== undefined)
    return `spec.template: "${key}" is no key of a label or an annotation. Use a form like example.com/purpose.`;
  const value = Object.values(labels).find((each) => !LABEL_VALUE.test(each));
  return value === undefined
    ? undefined
    : `spec.template.labels: "${value}" is no value of a label. Use letters, digits, hyphens, dots and underscores.`;
}
