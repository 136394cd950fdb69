/** What a pass observed and did → status. What it did not observe stays as it was. Pure. */
import type { VMSnapshot, VMSnapshotStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { bytes, MiB } from '../../../src/lib/units.ts';
import type { SnapshotRow } from '../../../src/pve/index.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { isRecorded, type Started } from '../perform/record.ts';
import { lastRevert } from '../revert/ending.ts';
import { ignoredAfter } from '../revert/request.ts';
import { ownOf } from '../model/own.ts';
import type { Resolved } from '../resolve/resolve.ts';

export interface Facts {
  readonly resolved: Resolved;
  readonly have: Observed;
  readonly next: Plan;
  readonly started: Started | undefined;
  /** Epoch ms. */
  readonly now: number;
}

const MAX_CHILDREN = 64;

export function statusOf({ metadata, status }: VMSnapshot, facts: Facts): VMSnapshotStatus {
  const { have, started } = facts;
  const {
    task: _task,
    failure: _failure,
    internal: _internal,
    conditions: _conditions,
    ...before
  } = status ?? {};
  const guest = have.presence.kind === 'seen' && have.proven ? have.presence.guest : undefined;
  const name = started?.kind === 'announced' || started?.kind === 'named' ? started.name : have.name;
  return {
    ...before,
    ...omitUndefined({
      snapshotName: name,
      node: guest?.node ?? before.node,
      task: taskOf(status, facts),
      failure: failureOf(facts, metadata.generation),
      internal: internalOf(status, facts),
    }),
    ...(guest && snapshotFields(have, before)),
    ...revertEnd(started, facts.now),
    readyToUse: isUsable(status, facts),
  };
}

/** A snapshot that the VM is reverted to is complete. */
function isUsable(status: VMSnapshotStatus | undefined, { have, next }: Facts): boolean {
  const own = ownOf(have);
  if (next.kind === 'settled') return own !== undefined;
  const announces = next.kind === 'act' && isRecorded(next.step);
  return (status?.internal?.revert !== undefined || announces) && status?.readyToUse === true;
}

const revertEnd = (started: Started | undefined, now: number): Pick<VMSnapshotStatus, 'lastRevert'> =>
  started?.kind === 'revertEnded' ? { lastRevert: lastRevert(started, started.ending, now) } : {};

/** What the list of Proxmox VE says of the snapshot. */
function snapshotFields(have: Observed, before: VMSnapshotStatus): Partial<VMSnapshotStatus> {
  const own = ownOf(have);
  const { takenAs } = have;
  const fields = {
    parent: own?.parent,
    children: own && childrenOf(own, have.snapshots),
  };
  if (!own) return fields;
  const saved = takenAs?.savedMiB;
  return {
    ...fields,
    ...omitUndefined({
      creationTime: timeOf(own) ?? before.creationTime,
      memory: own.memory,
      memorySize: saved === undefined ? before.memorySize : formatQuantity(bytes(Math.round(saved * MiB))),
      indications: takenAs ? [...takenAs.indications] : before.indications,
    }),
  };
}

/** It is taken at that second. One that is incomplete was not taken. */
const timeOf = ({ state, takenAt }: SnapshotRow): string | undefined =>
  state === undefined && takenAt !== undefined ? rfc3339(takenAt) : undefined;

const rfc3339 = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

const childrenOf = ({ name }: SnapshotRow, all: readonly SnapshotRow[]): string[] =>
  all
    .filter(({ parent }) => parent === name)
    .map((child) => child.name)
    .toSorted()
    .slice(0, MAX_CHILDREN);

function taskOf(
  status: VMSnapshotStatus | undefined,
  { have: { task }, started, now }: Facts,
): VMSnapshotStatus['task'] {
  if (started?.kind === 'task') {
    const { upid, type } = started;
    return { upid, type, startedAt: new Date(now).toISOString() };
  }
  return task?.state === 'running' || task?.state === 'unreachable' ? status?.task : undefined;
}

function failureOf({ have: { failure }, next }: Facts, generation: number): VMSnapshotStatus['failure'] {
  if (!failure || failure.step === 'Unknown') return undefined;
  // It is there, whichever attempt took it.
  if (failure.step === 'Create' && next.kind === 'settled') return undefined;
  const { step, message, attempts, at } = failure;
  return { step, message, attempts, at: new Date(at).toISOString(), generation };
}

function internalOf(status: VMSnapshotStatus | undefined, facts: Facts): VMSnapshotStatus['internal'] {
  const { revert, ignoredReverts, ...internal } = requestsOf(status, facts) ?? {};
  const { started, have } = facts;
  const open = started?.kind === 'revertOpen' ? started.open : revert;
  const ignored =
    started?.kind === 'revertIgnored'
      ? ignoredAfter(ignoredReverts ?? [], started.requestedAt)
      : ignoredReverts;
  const all = {
    ...internal,
    ...(have.cloned && { cloned: true }),
    ...omitUndefined({ revert: started?.kind === 'revertEnded' ? undefined : open, ignoredReverts: ignored }),
  };
  return Object.keys(all).length === 0 ? undefined : all;
}

function requestsOf(status: VMSnapshotStatus | undefined, facts: Facts): VMSnapshotStatus['internal'] {
  const { requestedAt, ...before } = status?.internal ?? {};
  const { started } = facts;
  if (started?.kind === 'announced') return { ...claimOf(before, facts), requestedAt: started.at };
  if (started?.kind === 'named') return claimOf(before, facts);
  const known = isAnswered(facts) ? before : { ...before, ...omitUndefined({ requestedAt }) };
  return Object.keys(known).length === 0 ? undefined : known;
}

type Internal = NonNullable<VMSnapshotStatus['internal']>;

const claimOf = (before: Internal, { resolved: { vm, want }, now }: Facts): Internal => ({
  ...before,
  claimedAt: before.claimedAt ?? new Date(now).toISOString(),
  vmUID: vm.metadata.uid,
  vmid: want.vmid,
});

/** The answer is known, or the snapshot is there: no request is in doubt. */
const isAnswered = ({ started, next, have }: Facts): boolean =>
  started?.kind === 'task' || (next.kind === 'settled' && ownOf(have) !== undefined);
