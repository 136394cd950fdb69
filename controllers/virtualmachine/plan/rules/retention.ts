/** The object is deleted and its guest stays: only what is ours is removed from it. */
import { driveWith } from '../../../shared/guests/disks.ts';
import { withoutMark } from '../../../shared/guests/owner-mark.ts';
import { stillRequested } from '../../restart/obsolete.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

type Leaving = Extract<Desired, { exists: false }>;
type Have = Pick<Observed, 'seedVolume' | 'seedKeptBy' | 'hasBooted' | 'requestedChanges'>;

/** The mark is removed last: until then the guest is ours to change. */
export const retention = (guest: Guest, want: Leaving, have: Have): RuleResult =>
  withoutImage(guest, have) ??
  withoutPending(guest, have) ??
  (want.deletionPolicy === 'Stop' && guest.running
    ? act({ do: 'shutdown', graceSeconds: want.graceSeconds })
    : unmark(guest));

function withoutImage(
  { config, digest, running }: Guest,
  { seedVolume, seedKeptBy, hasBooted }: Have,
): RuleResult | undefined {
  if (seedVolume === undefined) return undefined;
  const drive = driveWith(config, seedVolume);
  // The snapshots of the VM stay as well.
  if (drive === undefined)
    return seedKeptBy === undefined ? act({ do: 'deleteSeed', volume: seedVolume }) : undefined;
  // Whether a stopped guest has ever read the image is unknown; a first boot without it would configure nothing.
  if (!running) return undefined;
  if (hasBooted !== true)
    return wait(
      'FirstBoot',
      'The VM may still be reading its cloud-init image. The operator removes the image and releases the VM within two minutes of its start.',
      10_000,
    );
  return act({
    do: 'configure',
    change: { set: { [drive]: 'none,media=cdrom' }, delete: [] },
    digest,
  });
}

/** A disk that waits to be attached exists already: without its change nothing would refer to it. */
const DISK = /^(scsi|virtio|sata|ide|efidisk|tpmstate)\d+$/;

/** What our spec asked for and is not in effect yet would otherwise change the VM when somebody restarts it later. */
function withoutPending({ pending, digest }: Guest, { requestedChanges }: Have): RuleResult | undefined {
  const keys = stillRequested({ pending }, requestedChanges)
    .map(({ key }) => key)
    .filter((key) => !DISK.test(key));
  return keys.length > 0 ? act({ do: 'revertPending', keys, digest }) : undefined;
}

function unmark({ config, digest }: Guest): RuleResult {
  const description = withoutMark(config['description'] ?? '');
  const change =
    description === '' ? { set: {}, delete: ['description'] } : { set: { description }, delete: [] };
  return act({ do: 'configure', change, digest });
}

/** The guest no longer carries our mark, whoever removed it, so it is no longer ours to change. */
export function afterUnmark(
  { vmid, node, config, pending }: Guest,
  { seedVolume, seedKeptBy }: Pick<Have, 'seedVolume' | 'seedKeptBy'>,
): RuleResult {
  const keys = pending.map(({ key }) => key);
  const left = { by: 'policy', vmid, node, ...(keys.length > 0 && { pending: keys }) } as const;
  if (seedVolume === undefined) return { kind: 'gone', left };
  // A drive whose image is missing would keep the guest from starting.
  return driveWith(config, seedVolume) === undefined && seedKeptBy === undefined
    ? act({ do: 'deleteSeed', volume: seedVolume })
    : { kind: 'gone', left: { ...left, volume: seedVolume } };
}
