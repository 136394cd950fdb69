/** What must be known of a revert, from the objects and from what was read. Pure. */
import { parseUpid, parseDisk, parseVolumeId, type StorageView, type View } from '../../../src/pve/index.ts';
import type { VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import { upid, type Upid, type Vmid } from '../../../src/lib/units.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { SnapshotRow } from '../../../src/pve/index.ts';
import type { Observed } from '../model/observed.ts';
import type { OpenRevert, RevertFacts } from '../model/revert.ts';
import type { Requests } from '../model/requests.ts';

/** What the objects say. */
export function revertFacts(
  { metadata: { uid }, spec, status }: VMSnapshot,
  vm: VirtualMachine,
  requests: Requests,
): Omit<RevertFacts, 'found' | 'obstacle'> {
  const {
    internal: { revert: open, ignoredReverts = [], claimedAt } = {},
    lastRevert,
    creationTime,
  } = status ?? {};
  return {
    requestedAt: spec.revert?.requestedAt,
    last: latest(lastRevert?.requestedAt, carriedOut(vm, uid)),
    ignored: ignoredReverts,
    takenAt: timeOf(creationTime),
    knownSince: timeOf(claimedAt),
    open,
    request:
      open?.state === 'Sent' ? { at: Date.parse(open.at), state: requests.stateOf(uid, open.at) } : undefined,
    acknowledged: open !== undefined && isAcknowledged(vm, uid, open),
  };
}

/** The VM remembers the last one, should the status of the VMSnapshot be lost. */
function carriedOut({ status }: VirtualMachine, uid: string): string | undefined {
  const { revert } = status?.internal ?? {};
  return revert?.uid === uid && revert.state !== 'Announced' ? revert.requestedAt : undefined;
}

const latest = (a: string | undefined, b: string | undefined): string | undefined =>
  b === undefined || (a !== undefined && Date.parse(a) >= Date.parse(b)) ? a : b;

const timeOf = (moment: string | undefined): number | undefined =>
  moment === undefined ? undefined : Date.parse(moment);

function isAcknowledged({ status }: VirtualMachine, uid: string, { requestedAt }: OpenRevert): boolean {
  const recorded = status?.internal?.revert;
  return (
    status?.task === undefined &&
    recorded?.state === 'Announced' &&
    recorded.uid === uid &&
    recorded.requestedAt === requestedAt
  );
}

/** The clocks of the operator and of the node may differ. */
const SKEW_MS = 5_000;

/** A rollback of the guest that began after the request was announced: while the VM is left alone, that is ours. */
export function rollbackSince(view: View | undefined, vmid: Vmid, at: number): Upid | undefined {
  const running = view?.activeTasks.filter(({ id }) => id === String(vmid)).map((task) => task.upid) ?? [];
  const ended = view?.guests.get(vmid)?.snapshotTask;
  return [...running, ...(ended === undefined ? [] : [ended])]
    .filter((each) => {
      const task = parseUpid(each);
      return task?.type === 'qmrollback' && task.startedAt >= at - SKEW_MS;
    })
    .map((each) => upid(each))[0];
}

/** Storages that revert a volume to its newest snapshot only (pve-storage, ZFSPoolPlugin.pm and LVMPlugin.pm). */
const NEWEST_ONLY: ReadonlySet<string | undefined> = new Set(['zfspool', 'zfs', 'lvm']);

/** Why PVE would refuse to revert the guest. */
export function revertObstacle(
  own: SnapshotRow,
  { config, node, vmid }: Guest,
  { snapshots, storages }: Pick<Observed, 'snapshots'> & { readonly storages: readonly StorageView[] },
): string | undefined {
  const newer = snapshots
    .filter(({ name, takenAt }) => name !== own.name && (takenAt ?? 0) > (own.takenAt ?? Infinity))
    .map(({ name }) => name)
    .toSorted();
  if (newer.length === 0) return undefined;
  const used = new Set(Object.entries(config).flatMap(([key, text]) => (isDisk(key) ? storageOf(text) : [])));
  const blamed = storages.find(
    ({ storage, node: at, type }) => at === node && used.has(storage) && NEWEST_ONLY.has(type),
  );
  if (!blamed) return undefined;
  const named = newer.slice(0, MAX_NAMED).join(', ');
  const more = newer.length > MAX_NAMED ? ` and ${newer.length - MAX_NAMED} more` : '';
  return `Snapshot ${own.name} is not the most recent snapshot of VM ${vmid}, and storage ${blamed.storage} (${blamed.type ?? ''}) reverts to the newest only. Newer are: ${named}${more}. To revert the VM to it, delete these first.`;
}

const MAX_NAMED = 10;

const isDisk = (key: string): boolean => isDrive(key) || /^(efidisk|tpmstate)\d+$/.test(key);

function storageOf(text: string): string[] {
  const { volume, cdrom, cloudInit } = parseDisk(text);
  const storage = cdrom || cloudInit ? undefined : parseVolumeId(volume)?.storage;
  return storage === undefined ? [] : [storage];
}
