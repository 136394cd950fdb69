/** The nouns of a guest's cloud-init data. Types only: nothing in this file runs. */
import type { VirtualMachineInternal } from '../../../src/api/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { SeedImage } from './config.ts';
import type { Desired, DesiredCloudInit } from './desired.ts';

export type CloudInitMode = 'None' | 'Native' | 'Image';

/** Digests of what a guest was given, by part. */
export type Given = NonNullable<NonNullable<VirtualMachineInternal['cloudInit']>['deliveredDigests']>;

/** What the guest was given before, against what the spec says now. */
export interface History {
  readonly given: Given;
  /** What differs, in words. */
  readonly changed: readonly string[];
  /** It is delivered to the guest again, for the next boot. */
  readonly renews: boolean;
  /** How often that was done; part of the instance-id. */
  readonly instance: number;
}

/** A desired guest whose user-data is known. */
export type WithCloudInit = Omit<Extract<Desired, { exists: true }>, 'cloudInit'> & {
  readonly cloudInit: DesiredCloudInit;
};

/** How a guest gets its cloud-init data. */
export interface CloudInitPlan extends Partial<History> {
  readonly mode: CloudInitMode;
  readonly keys: Keys;
  readonly seed?: SeedImage;
  readonly problem?: { readonly reason: string; readonly message: string };
  /** The bytes of the image, where there is one. */
  readonly build: () => Uint8Array;
}
