/** What can be read of a value, each field by itself: a field that cannot be read takes no other with it. */
import { z } from 'zod';
import { salvage } from './salvage.ts';

const Members = z.record(z.string(), z.unknown());
const List = z.array(z.unknown());

/**
 * The fields of an object that can be read. A list is read item by item, and a number that was stored as text is read as
 * a number.
 * @param whole fields that name something else if a part of them is left out: they are read completely or not at all
 */
export function readable<S extends z.ZodType>(
  schema: S,
  value: unknown,
  whole: readonly string[] = [],
): Partial<z.output<S>> {
  const { data: given = {} } = Members.safeParse(value);
  const fields = Object.entries(shapeOf(schema)).flatMap(([name, field]) => {
    if (given[name] === undefined) return [];
    const read = (whole.includes(name) ? exactly : leniently)(field, given[name]);
    return read ? [[name, read.value]] : [];
  });
  // Each field is the output of its own schema.
  return z.custom<Partial<z.output<S>>>().parse(Object.fromEntries(fields));
}

/** The schemas of an object's fields, by name. Empty for everything else. */
export function shapeOf(schema: unknown): Readonly<Record<string, z.ZodType>> {
  const object = withoutOptional(schema);
  return object instanceof z.ZodObject
    ? Object.fromEntries(
        Object.entries(object.shape).flatMap(([name, field]) =>
          field instanceof z.ZodType ? [[name, field]] : [],
        ),
      )
    : {};
}

const withoutOptional = (schema: unknown): unknown =>
  schema instanceof z.ZodOptional ? schema.unwrap() : schema;

interface Read {
  readonly value: unknown;
}

function exactly(schema: z.ZodType, value: unknown): Read | undefined {
  const { success, data } = schema.safeParse(value);
  return success ? { value: data } : undefined;
}

const leniently = (schema: z.ZodType, value: unknown): Read | undefined =>
  salvage(schema, value) ?? itemByItem(schema, value) ?? exactly(schema, asNumber(value));

/** For a list that is refused as a whole, because it is too long or too many of its items are refused. */
function itemByItem(schema: z.ZodType, value: unknown): Read | undefined {
  const list = withoutOptional(schema);
  const { data: items } = List.safeParse(value);
  if (!items || !(list instanceof z.ZodArray)) return undefined;
  const { element } = list;
  if (!(element instanceof z.ZodType)) return undefined;
  return { value: items.flatMap((item) => salvage(element, item)?.value ?? []) };
}

const asNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
