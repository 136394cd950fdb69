/**
 * How far the revert of a guest to a snapshot is. The VMSnapshot announces it and sends the request; the VirtualMachine
 * records that it leaves the guest alone, and afterwards that the guest keeps the restored state. Pure.
 */
import type { Vmid } from '../../../src/lib/units.ts';
import type { RecordedRevert, Revert, RevertNext, SnapshotFacts } from '../model/revert.ts';

export interface RevertInputs {
  /** As status has it. */
  readonly recorded: RecordedRevert | undefined;
  readonly snapshots: readonly SnapshotFacts[];
  /** Of the guest. */
  readonly vmid: Vmid | undefined;
  /** Of the VirtualMachine. */
  readonly generation: number;
  /** What the annotation says. */
  readonly applyAt: string | undefined;
}

export function judgeRevert(inputs: RevertInputs): Revert {
  const { recorded, snapshots, vmid, generation, applyAt } = inputs;
  if (recorded?.state === 'Announced') return { next: whileAnnounced(recorded, snapshots) };
  const holds = recorded?.state === 'Restored' ? recorded : undefined;
  if (holds && isLeft(holds, generation, applyAt))
    return { next: { kind: 'record', revert: { ...holds, state: 'Applied' }, leaves: true } };
  const concerned = vmid === undefined ? [] : snapshots.filter((each) => each.vmid === vmid);
  const open = openRevert(concerned);
  if (open) return announcement(open, holds, generation);
  if (holds) return { holds };
  const lost = recorded ? undefined : lostRevert(concerned, generation);
  return lost ? { next: { kind: 'record', revert: lost, ended: true } } : {};
}

/** Somebody edited the spec since, or asked for it as it is. */
const isLeft = (
  { generation: since, requestedAt }: RecordedRevert,
  generation: number,
  applyAt: string | undefined,
): boolean =>
  generation > since || (applyAt !== undefined && Date.parse(applyAt) === Date.parse(requestedAt));

function whileAnnounced(recorded: RecordedRevert, snapshots: readonly SnapshotFacts[]): RevertNext {
  const { previous, ...announced } = recorded;
  const snapshot = snapshots.find(({ uid }) => uid === recorded.uid);
  if (snapshot?.revert?.requestedAt === recorded.requestedAt)
    return { kind: 'running', snapshot: recorded.snapshot };
  const { last } = snapshot ?? {};
  // Whoever could say how it ended may be gone. What might be restored is not overwritten.
  const result = last?.requestedAt === recorded.requestedAt ? last.result : 'Unknown';
  switch (result) {
    case 'Reverted':
      return { kind: 'record', revert: { ...announced, state: 'Restored' }, ended: true };
    case 'Unknown':
      return { kind: 'record', revert: { ...announced, state: 'Restored', uncertain: true }, ended: true };
    case 'Failed':
    case 'NotRun':
      return {
        kind: 'record',
        revert: previous ? { ...previous, state: 'Restored' } : { ...announced, state: 'Applied' },
      };
    default:
      return result satisfies never;
  }
}

/** One at a time. One that was sent comes first: the status that recorded it may have been lost. */
function openRevert(snapshots: readonly SnapshotFacts[]): SnapshotFacts | undefined {
  const open = snapshots.filter(({ revert }) => revert !== undefined);
  return open.find(({ revert }) => revert?.state === 'Sent') ?? open[0];
}

function announcement(
  { name, uid, revert }: SnapshotFacts,
  holds: RecordedRevert | undefined,
  generation: number,
): Revert {
  if (!revert) return {};
  const record: RecordedRevert = {
    snapshot: name,
    uid,
    requestedAt: revert.requestedAt,
    generation,
    state: 'Announced',
    ...(holds && { previous: withoutState(holds) }),
  };
  return {
    next: { kind: revert.state === 'Sent' ? 'record' : 'asked', revert: record },
    ...(holds && { holds }),
  };
}

const withoutState = ({
  state: _state,
  previous: _previous,
  ...rest
}: RecordedRevert): NonNullable<RecordedRevert['previous']> => rest;

/** The status of the VM was lost after a revert: only the VMSnapshot says that there was one. */
function lostRevert(snapshots: readonly SnapshotFacts[], generation: number): RecordedRevert | undefined {
  const [latest] = snapshots
    .flatMap(({ name, uid, last }) => (last ? [{ name, uid, ...last }] : []))
    .filter(({ result }) => result === 'Reverted' || result === 'Unknown')
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return (
    latest && {
      snapshot: latest.name,
      uid: latest.uid,
      requestedAt: latest.requestedAt,
      generation,
      state: 'Restored',
      ...(latest.result === 'Unknown' && { uncertain: true }),
    }
  );
}
