/** The nouns of a guest's cloud-init data. Types only: nothing in this file runs. */
import type { VirtualMachineInternal, Reason } from '../../../src/api/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { SeedImage } from './config.ts';
import type { Desired, DesiredCloudInit } from './desired.ts';

export type CloudInitMode = 'None' | 'Native' | 'Image';

/** Digests of the data delivered to a guest, by part. */
export type DeliveredDigests = NonNullable<
  NonNullable<VirtualMachineInternal['cloudInit']>['deliveredDigests']
>;

/** Compares the data delivered before with the data of the spec. */
export interface DeliveryHistory {
  readonly digests: DeliveredDigests;
  /** What differs, in words. */
  readonly changed: readonly string[];
  /** It is delivered to the guest again, for the next boot. */
  readonly renews: boolean;
  /** Number of such deliveries; part of the instance-id. */
  readonly instance: number;
}

/** A desired guest whose user-data is known. */
export type WithCloudInit = Omit<Extract<Desired, { exists: true }>, 'cloudInit'> & {
  readonly cloudInit: DesiredCloudInit;
};

/** Options of PVE's cloud-init drive that the guest has from its template. */
export interface InheritedOptions {
  readonly kept: readonly string[];
  /** They are lost, which is reported. */
  readonly dropped: readonly string[];
}

/** A volume of PVE's cloud-init drive that is in no drive of its guest any more. */
export interface DisplacedDrive {
  /** A slot for it. */
  readonly device: string;
  readonly volume: string;
}

/** How a guest gets its cloud-init data. */
export interface CloudInitPlan extends Partial<DeliveryHistory> {
  readonly mode: CloudInitMode;
  readonly keys: Keys;
  /** The drive. Absent: it is not written. */
  readonly device?: string;
  readonly seed?: SeedImage;
  /** Absent: nothing is delivered now. */
  readonly inherited?: InheritedOptions;
  readonly problem?: { readonly reason: Reason; readonly message: string };
  /** The bytes of the image, where there is one. */
  readonly build: () => Uint8Array;
}
