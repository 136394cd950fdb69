/** An endpoint of the PVE API as data. The transport, the labels of metrics and the list of privileges derive from it. */
import type { z } from 'zod';
import type { Millis } from '../lib/units.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Parameters of a call. `true` and `false` are sent as 1 and 0, a list as one parameter per item; `undefined` is not sent. */
export type Params = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The versions that have a parameter. A version is what PVE calls its release, for example `8.4`. */
export interface Lifetime {
  /** The first version; absent: 7.0 or older. */
  readonly since?: string;
  /** The last version; absent: the newest still has it. */
  readonly until?: string;
  /** In other versions the request means enough without it; absent: it is not sent to them. */
  readonly omissible?: true;
}

/**
 * By name; with a dot for a property of a property string, and with `=` for one value. `scsi[n]` stands for `scsi0`,
 * `scsi1` …
 */
export type Lifetimes = Readonly<Record<string, Lifetime>>;

/** A privilege that a call requires, and on which path. */
export interface Need {
  /** ACL path. Placeholders such as `{vmid}` stand for any object of that kind. */
  readonly path: string;
  /** Any one of them is enough; the first is the one to grant. */
  readonly anyOf: readonly [string, ...string[]];
  /** First major version of PVE that has the privilege. */
  readonly since?: number;
  /** Last major version of PVE that has the privilege. */
  readonly until?: number;
  /** The feature that requires it. Absent: the operator cannot work without it. */
  readonly feature?: Feature;
}

/**
 * Optional features, each with privileges of its own: cloud-init images, PVE's cloud-init drive, addresses from the
 * guest agent, NICs on bridges, quorum, migration between nodes, pools, and snapshots.
 */
export const FEATURES = [
  'isoUpload',
  'cloudInit',
  'guestAgent',
  'bridges',
  'quorum',
  'migration',
  'pools',
  'snapshots',
] as const;
/** Features whose privileges most administrators do not want to grant. They are never reported as missing. */
export const ON_REQUEST = ['guestCommands', 'devices', 'downloads', 'haRules'] as const;
export type Feature = (typeof FEATURES)[number] | (typeof ON_REQUEST)[number];

export interface Endpoint<P extends z.ZodType<Params> = z.ZodType<Params>, R extends z.ZodType = z.ZodType> {
  readonly method: Method;
  /** Path template below `/api2/json`. It has placeholders instead of values, so that it can be a label of metrics. */
  readonly path: string;
  readonly params: P;
  /** The first version of PVE that has it; absent: all have. Who sends it knows the version. */
  readonly since?: string;
  /** Schema of `data` in the response. */
  readonly reply: R;
  readonly needs: readonly Need[];
  /** Parameters that not every supported version of PVE has. */
  readonly lifetimes?: Lifetimes;
  /**
   * Calls that may take seconds have a lane of their own, so that they do not delay the node's other calls. So have
   * `checks` of the server, with connections of their own: they must not wait behind calls that it does not answer.
   */
  readonly lane?: 'agent' | 'content' | 'checks';
  /**
   * The call cannot be undone. It is not sent where it had to wait: by then the guest may be in use again, or its VMID
   * another guest's.
   */
  readonly irreversible?: true;
  /** The call changes nothing although it is not a GET, so that it may be retried. */
  readonly repeatable?: true;
}

export const endpoint = <P extends z.ZodType<Params>, R extends z.ZodType>(
  e: Endpoint<P, R>,
): Endpoint<P, R> => e;

export interface SendOptions {
  /** Cancels the call. A change that was already sent is not cancelled, because its outcome would be unknown. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum duration of one attempt, without the time it waits for a slot. */
  readonly deadline?: Millis | undefined;
  /** Sent as the last part of a multipart body. Its name is the parameter `filename`. */
  readonly file?: Uint8Array | StreamedFile | undefined;
}

/** A file that is too large for the memory. */
export interface StreamedFile {
  /** Exactly so many bytes: PVE wants to know the length in advance, and deletes what ends earlier. */
  readonly bytes: number;
  /**
   * Called for each attempt. What it throws ends the request, of which PVE then keeps nothing; the caller gets an error
   * as for a broken connection.
   */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

export const isStreamed = (file: Uint8Array | StreamedFile): file is StreamedFile => 'pieces' in file;

/**
 * Performs one call.
 * @throws PveError for every failure; the signal's reason if the signal fires.
 */
export type Send = <P extends z.ZodType<Params>, R extends z.ZodType>(
  endpoint: Endpoint<P, R>,
  params: z.input<P>,
  options?: SendOptions,
) => Promise<z.output<R>>;

/** Options that callers of the handles may pass. */
export type CallOptions = Pick<SendOptions, 'signal'>;
