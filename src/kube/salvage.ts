/** What is left of a value when the parts that its schema refuses are taken away. */
import { z } from 'zod';

/** More faults than this are not a spec any more. */
const ROUNDS = 100;

/**
 * `undefined`: nothing the schema accepts is left.
 * @param whole fields that name something else if a part of them is taken away: they are taken away completely
 */
export function salvage<T extends z.ZodType>(
  schema: T,
  value: unknown,
  whole: readonly string[] = [],
): { readonly value: z.output<T> } | undefined {
  let candidate = value;
  for (let round = 0; round < ROUNDS; round += 1) {
    const result = schema.safeParse(candidate);
    if (result.success) return { value: result.data };
    const path = firstPresent(candidate, result.error.issues[0]?.path ?? []);
    const [field] = path;
    if (field === undefined) return undefined;
    candidate = without(candidate, whole.includes(String(field)) ? [field] : path);
  }
  return undefined;
}

const Record_ = z.record(z.string(), z.unknown());
const List = z.array(z.unknown());

/** A part that is missing cannot be taken away: what lacks it is. */
function firstPresent(value: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] {
  if (path.length === 0 || at(value, path) !== undefined) return path;
  return firstPresent(value, path.slice(0, -1));
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      Record_.safeParse(inner).data?.[String(step)] ?? List.safeParse(inner).data?.[Number(step)],
    value,
  );
}

function without(value: unknown, [step, ...rest]: readonly PropertyKey[]): unknown {
  const list = List.safeParse(value).data;
  if (list) return list.flatMap((item, index) => (index === step ? inner(item, rest) : [item]));
  const record = Record_.safeParse(value).data ?? {};
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, member]) =>
      name === step ? inner(member, rest).map((left) => [name, left]) : [[name, member]],
    ),
  );
}

const inner = (value: unknown, rest: readonly PropertyKey[]): readonly unknown[] =>
  rest.length === 0 ? [] : [without(value, rest)];
