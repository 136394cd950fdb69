/** The object goes and its guest stays: only what is ours is taken out of it. */
import { parseDisk } from '../../../../src/pve/index.ts';
import { withoutMark } from '../../../shared/guests/owner-mark.ts';
import type { Guest, GuestConfig } from '../../../shared/guests/model.ts';
import type { Observed } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

type Leaving = Extract<Desired, { exists: false }>;
type Have = Pick<Observed, 'seedVolume' | 'hasBooted'>;

/** The drive that the volume is in. */
const driveWith = (config: GuestConfig, volume: string): string | undefined =>
  Object.keys(config).find(
    (key) => /^(ide|sata|scsi|virtio)\d+$/.test(key) && parseDisk(config[key] ?? '').volume === volume,
  );

/** The mark goes last: until then the guest is ours to change. */
export const retention = (guest: Guest, want: Leaving, have: Have): Plan =>
  withoutImage(guest, have) ??
  (want.deletionPolicy === 'Stop' && guest.running
    ? act({ do: 'shutdown', graceSeconds: want.graceSeconds })
    : unmark(guest));

function withoutImage({ config, digest, running }: Guest, { seedVolume, hasBooted }: Have): Plan | undefined {
  if (seedVolume === undefined) return undefined;
  const drive = driveWith(config, seedVolume);
  if (drive === undefined) return act({ do: 'deleteSeed', volume: seedVolume });
  // Whether a guest that is off has ever read it is not known; without it a first boot would be a bare one.
  if (!running) return undefined;
  if (hasBooted !== true)
    return wait(
      'FirstBoot',
      'The VM may still be reading its cloud-init image. The image is removed, and the VM released, within two minutes of its start.',
      10_000,
    );
  return act({
    do: 'configure',
    change: { set: { [drive]: 'none,media=cdrom' }, delete: [] },
    digest,
  });
}

function unmark({ config, digest }: Guest): Plan {
  const description = withoutMark(config['description'] ?? '');
  const change =
    description === '' ? { set: {}, delete: ['description'] } : { set: { description }, delete: [] };
  return act({ do: 'configure', change, digest });
}

/** The guest carries our mark no more, by our hand or another's, so it is no longer ours to touch. */
export function afterUnmark({ vmid, node, config }: Guest, { seedVolume }: Have): Plan {
  const left = { by: 'policy', vmid, node } as const;
  if (seedVolume === undefined) return { kind: 'gone', left };
  // A drive whose image vanishes would keep the guest from starting.
  return driveWith(config, seedVolume) === undefined
    ? act({ do: 'deleteSeed', volume: seedVolume })
    : { kind: 'gone', left: { ...left, volume: seedVolume } };
}
