/** One endpoint of the PVE API as data. The transport, the metrics' labels and the list of privileges are all read off it. */
import type { z } from 'zod';
import type { Millis } from '../lib/units.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Parameters as PVE knows them. `true` and `false` travel as 1 and 0, a list as one parameter an item; `undefined` does not travel. */
export type Params = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A privilege that a call requires, and where. */
export interface Need {
  /** ACL path; placeholders such as `{vmid}` stand for any object of that kind. */
  readonly path: string;
  /** One of these is enough; the first is the one to grant. */
  readonly anyOf: readonly [string, ...string[]];
  /** First major version of PVE that knows the privilege. */
  readonly since?: number;
  /** Last major version of PVE that knows the privilege. */
  readonly until?: number;
  /** Absent: nothing works without it. */
  readonly feature?: Feature;
}

/**
 * What an installation can do without, privilege by privilege: images for cloud-init, cloud-init itself, addresses from
 * the guest agent, network interfaces on bridges, to see whether a cluster has a majority, VMs that move between nodes,
 * and pools.
 */
export const FEATURES = [
  'isoUpload',
  'cloudInit',
  'guestAgent',
  'bridges',
  'quorum',
  'migration',
  'pools',
] as const;
/** To run commands in guests is more than most want to allow: it is granted by those who want it, and missed by nobody. */
export const ON_REQUEST = ['guestCommands'] as const;
export type Feature = (typeof FEATURES)[number] | (typeof ON_REQUEST)[number];

export interface Endpoint<P extends z.ZodType<Params> = z.ZodType<Params>, R extends z.ZodType = z.ZodType> {
  readonly method: Method;
  /** Below `/api2/json`, with placeholders: never a concrete path, so it can serve as a metric's label. */
  readonly path: string;
  readonly params: P;
  /** Of the answer's `data`. */
  readonly reply: R;
  readonly needs: readonly Need[];
  /** Calls of this kind wait for each other, but not for the node's other calls: each may take seconds. */
  readonly lane?: 'agent';
  /** A call that changes nothing although it is no GET: it may be repeated, and losing its answer does no harm. */
  readonly repeatable?: true;
}

export const endpoint = <P extends z.ZodType<Params>, R extends z.ZodType>(
  e: Endpoint<P, R>,
): Endpoint<P, R> => e;

export interface SendOptions {
  /** Ends the call. A change that was already sent is not cut off: its outcome would be lost. */
  readonly signal?: AbortSignal | undefined;
  /** How long one attempt may take once it has its turn. */
  readonly deadline?: Millis | undefined;
  /** Travels as the last part of a multipart body, under the name that the parameter `filename` gives. */
  readonly file?: Uint8Array | undefined;
}

/**
 * Performs one call.
 * @throws PveError for every refusal and failure; the signal's reason when the caller gave up.
 */
export type Send = <P extends z.ZodType<Params>, R extends z.ZodType>(
  endpoint: Endpoint<P, R>,
  params: z.input<P>,
  options?: SendOptions,
) => Promise<z.output<R>>;

/** What callers of the handles may pass along. */
export type CallOptions = Pick<SendOptions, 'signal'>;
