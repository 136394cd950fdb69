/** What the engine asks of a controller. Knows neither kinds nor PVE. */
import type { Logger } from 'pino';
import type { Outcome } from './outcome.ts';

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

/** A condition beside Ready, Reconciling and Stalled, which the engine derives from the outcome. */
export interface DomainCondition {
  readonly type:
    'Placed' | 'Synced' | 'GuestAgentConnected' | 'RestartRequired' | 'FieldsIgnored' | 'MissingPrivileges';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Published after the report, so that nothing is announced that was not written down, or is about to be. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** At most 1 KiB, no secrets. */
  readonly message: string;
}

/** What a pass may lean on. Clock and signal come from outside, so that a pass can be replayed. */
export interface Pass<O> {
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly deleting: boolean;
  /** Reads the object from the API server, past the cache: asked for before anything outside is changed. An answer of a moment ago will do. `undefined`: it is gone. */
  reread(): Promise<O | undefined>;
}

export interface ReconcileResult<Status> {
  readonly outcome: Outcome;
  /** The controller's own status fields, whole: a field that is absent here is removed. Conditions and observedGeneration are the engine's. */
  readonly status: Status;
  readonly conditions?: readonly DomainCondition[];
  readonly events?: readonly EventNote[];
  /** Nothing depends on this report but what people see: it may be left out where another follows at once. */
  readonly deferrable?: boolean;
}

export interface Controller<O extends Resource, Status> {
  readonly name: string;
  /** Absent: nothing outside Kubernetes depends on the object, so nothing holds it back when it is deleted. */
  readonly finalizer?: string;
  /** Whether the finalizer is needed now; absent: always. It comes and goes with the answer. */
  readonly holds?: (object: O) => boolean;
  reconcile(object: O, pass: Pass<O>): Promise<ReconcileResult<Status>>;
}

/** A read-only view of the objects of one kind, from the reflector's cache. */
export interface ObjectReader<O extends Resource> {
  /** Whether objects of this namespace can be read at all; absent: those of every namespace. */
  covers?(namespace: string): boolean;
  get(namespace: string, name: string): O | undefined;
  list(): readonly O[];
}
