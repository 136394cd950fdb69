/** Disks grow; they never shrink. */
import type { Rule } from './verdicts.ts';
import { act } from './verdicts.ts';
import { rootDiskOf } from '../disks.ts';

// After configure and before power: a guest grows its filesystem at the first boot.
export const resize: Rule = (want, { presence }) => {
  if (!want.exists || presence.kind !== 'seen' || want.rootDisk === undefined) return undefined;
  const disk = rootDiskOf(presence.guest.config);
  return disk && disk.size !== undefined && want.rootDisk > disk.size
    ? act({ do: 'growRootDisk', disk: disk.key, to: want.rootDisk, digest: presence.guest.digest })
    : undefined;
};
