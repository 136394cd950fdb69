/** What the engine asks of a controller. Knows neither kinds nor PVE. */
import type { Logger } from 'pino';
import type { Outcome } from './outcome.ts';
import type { PassReason } from './pass-reason.ts';

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
  readonly finalizers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One object of one of our kinds, parsed: `spec` satisfies the kind's schema. */
export interface Resource<Spec = unknown, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  /** What we reported last. Absent on an object that was never reconciled. */
  readonly status?: Status | undefined;
}

/** What can be read of an object, for whoever counts what is in use. A field that is absent may be unreadable. */
export interface Readable<O extends Resource, Spec = O['spec'], Status = O['status']> extends Pick<
  O,
  'apiVersion' | 'kind' | 'metadata'
> {
  readonly spec: Partial<Spec>;
  readonly status?: Partial<Status> | undefined;
}

/** The conditions other than Ready, Reconciling and Stalled, which the engine derives from the outcome. */
export const DOMAIN_CONDITIONS = [
  'Placed',
  'Synced',
  'GuestAgentConnected',
  'RestartRequired',
  'FieldsIgnored',
  'MissingPrivileges',
  'DeletionsHeld',
] as const;

export interface DomainCondition {
  readonly type: (typeof DOMAIN_CONDITIONS)[number];
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Published after the status is written or queued to be written, so that nothing is announced that is not recorded. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** At most 1 KiB, no secrets. */
  readonly message: string;
}

/** What a pass is given. Clock and signal come from outside, so that a pass can be replayed. */
export interface Pass<O> {
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly deleting: boolean;
  /** Why it runs; never empty. For the log and for metrics: a pass does not depend on it. */
  readonly reasons: ReadonlySet<PassReason>;
  /** Reads the object from the API server, past the cache: required before anything outside Kubernetes is changed. An answer of the last second is enough. `undefined`: the object is gone. */
  reread(): Promise<O | undefined>;
}

export interface ReconcileResult<Status> {
  readonly outcome: Outcome;
  /** The controller's own status fields, whole: a field that is absent here is removed. Conditions and observedGeneration are the engine's. */
  readonly status: Status;
  readonly conditions?: readonly DomainCondition[];
  readonly events?: readonly EventNote[];
  /** Only people read this report: it may be left out if another follows at once. */
  readonly deferrable?: boolean;
  /** It records a decision about the spec as it was read, so it is discarded if the spec was edited meanwhile. */
  readonly bindsGeneration?: boolean;
}

export interface Controller<O extends Resource, Status> {
  readonly name: string;
  /** Absent: nothing outside Kubernetes depends on the object, so its deletion need not wait. */
  readonly finalizer?: string;
  /** Whether the finalizer is needed now; absent: always. It is added and removed accordingly. */
  readonly needsFinalizer?: (object: O) => boolean;
  reconcile(object: O, pass: Pass<O>): Promise<ReconcileResult<Status>>;
}

/** A read-only view of the objects of one kind, from the reflector's cache. */
export interface ObjectReader<O extends Resource> {
  /** Whether objects of this namespace can be read at all; absent: those of every namespace. */
  covers?(namespace: string): boolean;
  get(namespace: string, name: string): O | undefined;
  /** Also an object with a problem, as far as it can be read. */
  partial(namespace: string, name: string): Readable<O> | undefined;
  /** All objects, also those with a problem, as far as they can be read. */
  list(): readonly Readable<O>[];
}

export interface NewObject<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** As a user would write it. */
  readonly spec: Spec;
}

/** Creates and deletes objects of one kind, for controllers that make objects of our kinds. */
export interface ObjectWriter<Spec> {
  /** `exists`: an object of this name was there already; whose it is, the caller must see. */
  create(object: NewObject<Spec>): Promise<'created' | 'exists'>;
  /**
   * Deletes the object as it was read. `changed`: it was written since, or another has its name, so nothing was deleted.
   * What is gone already counts as deleted.
   */
  delete(
    object: Pick<ObjectMeta, 'namespace' | 'name' | 'uid' | 'resourceVersion'>,
  ): Promise<'deleted' | 'changed'>;
}
