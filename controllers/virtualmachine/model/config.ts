/** The nouns of a guest's configuration. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';
import type { DriveDevice } from '../../shared/guests/disks.ts';
import type { NicDevice } from '../../shared/guests/model.ts';

/**
 * Keys that PVE may refuse although it allows all others: it lets only root@pam set them, or asks for a privilege of
 * their own, depending on version and value (qemu-server, check_vm_modify_config_perm).
 */
export type RestrictedKey = 'hugepages' | 'rng0';

/** A PCI or USB device of the node. */
export type DeviceKey = `${'hostpci' | 'usb'}${number}`;

/** An option that is written alone, because PVE may refuse it although it allows all others. */
export interface BestEffortWrite {
  readonly key: 'tags' | 'startup' | RestrictedKey | DeviceKey | DriveDevice | NicDevice;
  /** `undefined`: the option is removed. */
  readonly value: string | undefined;
  /** Tags that are ours then. */
  readonly note?: readonly string[];
}

/** The image that carries user-data, meta-data and network-config to the guest. */
export interface SeedImage {
  readonly volume: string;
  readonly storage: string;
  readonly filename: string;
  /** The volume is on its storage. */
  readonly uploaded: boolean;
  /** Its name is in our status, so that it cannot be lost. */
  readonly recorded: boolean;
}

/** Changes of single drives and network interfaces, apart from the rest of the configuration. */
export interface DeviceChanges {
  /** Each is written alone. */
  readonly writes: readonly BestEffortWrite[];
  /** What PVE refused: a sentence each. */
  readonly refused: readonly string[];
}

/** Digest of each part of the settings, by the name of the part. */
export type PartDigests = Readonly<Record<string, string>>;

/** What is applied, part by part. */
export interface AppliedParts {
  /** As the spec has them. */
  readonly digests: PartDigests;
  /** As they were applied, according to status. */
  readonly recorded: PartDigests;
  /** Parts that something is left to be done for, now or later. */
  readonly open: readonly string[];
}

export interface Drift {
  /** For people, from the desired to the current value: `vcpus 2 → 3`. */
  readonly summary: string;
  readonly keys: readonly string[];
  /** It is reverted; otherwise it is only reported. */
  readonly reverted: boolean;
}

/** One write of a guest's configuration: only keys that differ. */
export interface ConfigChange {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
  /** The image that must be on its storage before this is written. */
  readonly seed?: SeedImage;
  readonly seedProblem?: { readonly reason: Reason; readonly message: string };
  /** It only ejects consumed images: the guest matches its spec before and after. */
  readonly ejects?: true;
}
