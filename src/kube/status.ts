/** A status that another version of the operator may have written: what of it is read, and what of it is kept. */
import { z } from 'zod';
import type { Kind } from '../api/kind.ts';
import { shapeOf } from './readable.ts';

export type RawStatus = Readonly<Record<string, unknown>>;

/** Each kind reports them. */
const REPORTED_BY_ALL = ['conditions'];

/**
 * The status as the schema says. Fields that are only reported are left out if they cannot be read, as the next report
 * replaces them. Any other field may name what we made, so without it there is no status.
 */
export function readStatus<Status extends z.ZodType>(
  { status, reportedOnly = [] }: Pick<Kind<z.ZodType, Status>, 'status' | 'reportedOnly'>,
  raw: RawStatus | undefined,
): { readonly data?: z.output<Status> | undefined; readonly error?: z.ZodError | undefined } {
  if (!raw) return {};
  const whole = status.safeParse(raw);
  if (whole.success) return whole;
  const shape = shapeOf(status);
  const unreadable = [...REPORTED_BY_ALL, ...reportedOnly].filter(
    (name) => raw[name] !== undefined && shape[name]?.safeParse(raw[name]).success === false,
  );
  return status.safeParse(without(raw, unreadable));
}

const without = (members: RawStatus, names: readonly string[]): RawStatus =>
  Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));

/** Where a kind keeps what only the operator reads. */
const INTERNAL = 'internal';
const Members = z.record(z.string(), z.unknown());

/**
 * A status to store, with the fields that are stored already and that this version does not know: a newer version wrote
 * them and needs them again. The API server removes those that no installed version knows.
 */
export type Complete = (stored: RawStatus | undefined, status: RawStatus) => RawStatus;

export function completerOf({ status: schema, about }: Pick<Kind, 'status' | 'about'>): Complete {
  const known = shapeOf(schema);
  const knownInternal = shapeOf(known[INTERNAL]);
  const unknownIn = (value: unknown, names: object): RawStatus => {
    const { data = {} } = Members.safeParse(value);
    return Object.fromEntries(Object.entries(data).filter(([name]) => !(name in names)));
  };
  return (stored, status) => {
    if (!stored || isAboutAnother(stored, status, about)) return status;
    const internal = INTERNAL in known ? unknownIn(stored[INTERNAL], knownInternal) : {};
    const { data: own = {} } = Members.safeParse(status[INTERNAL]);
    return {
      ...unknownIn(stored, known),
      ...status,
      ...(Object.keys(internal).length > 0 && { [INTERNAL]: { ...internal, ...own } }),
    };
  };
}

const isAboutAnother = (stored: RawStatus, status: RawStatus, about: string | undefined): boolean =>
  about !== undefined && stored[about] !== undefined && stored[about] !== status[about];
