/** What a kind is to the rest of the program: names, schemas and the columns of `kubectl get`. */
import type { z } from 'zod';
import type { ObjectRule } from './immutable.ts';
import type { Immutable } from './resource.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 0 | 1;
}

export interface Kind<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly PrinterColumn[];
  /** Paths of fields that lists can be limited by, with `kubectl get --field-selector`. */
  readonly selectableFields?: readonly string[];
  /** Rules over spec and status together. */
  readonly rules?: readonly ObjectRule[];
  /** What a field means that is there and cannot be read, where its absence would mean to do more. */
  readonly whenUnreadable?: Readonly<Record<string, unknown>>;
  /** Fields of the spec that name or allow something else if a part of them cannot be read. */
  readonly whole?: readonly string[];
  /** Fields of the status that are only reported: nothing is lost if one cannot be read. */
  readonly reportedOnly?: readonly string[];
  /**
   * Field of the status that names what the status is about. What another version of the operator stored there is kept
   * as long as this stays the same.
   */
  readonly about?: string;
}

export const kind = <Spec extends z.ZodType, Status extends z.ZodType>(
  k: Kind<Spec, Status>,
): Kind<Spec, Status> => k;

/** What a schema yields: quantities are bytes, durations milliseconds, spellings one. */
export type Output<S extends z.ZodType> = Immutable<z.output<S>>;
/** What a user writes in a manifest. */
export type Input<S extends z.ZodType> = Immutable<z.input<S>>;
