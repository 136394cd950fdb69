/** Parses PVE's responses: envelope, data and errors. */
import { z } from 'zod';
import { createSlices } from '../lib/slices.ts';
import { budgetOf, type Budget } from './budgets.ts';
import type { Endpoint, Params } from './endpoint.ts';
import { excessiveError, refusalError, unreadableError, type Call, type PveError } from './errors.ts';
import { isSuccess, type Answer } from './exchange.ts';
import { BodyError, elementsOf, parseElement, parseWhole } from './json-elements.ts';
import { elementsOfSchema, markParsed, type Element, type Elements } from './wire.ts';

const MAX_FIELDS = 32;
/** Values in an answer without success. */
const MAX_ERROR_VALUES = 1024;

const Complaint = z.union([z.string(), z.number().transform(String)]);

/** What PVE says of each parameter. */
const Complaints = z.record(z.string(), z.unknown()).transform((all) =>
  Object.fromEntries(
    Object.entries(all)
      .flatMap(([field, value]) => {
        const complaint = Complaint.safeParse(value);
        return complaint.success ? [[field, complaint.data] as const] : [];
      })
      .slice(0, MAX_FIELDS),
  ),
);

const Failure = z.object({
  message: z.string().optional().catch(undefined),
  errors: Complaints.optional().catch(undefined),
});

const Envelope = z.object({ data: z.unknown() });

function failureIn(body: Buffer): z.output<typeof Failure> | undefined {
  try {
    return Failure.safeParse(parseWhole(body, MAX_ERROR_VALUES)).data;
  } catch {
    return undefined;
  }
}

export function toError(call: Call, answer: Answer): PveError {
  const failure = failureIn(answer.body);
  return refusalError(call, {
    status: answer.status,
    reason: answer.reason,
    message: failure?.message,
    fields: failure?.errors ?? {},
  });
}

/** Counts the rows of an answer, by type where some types have a limit of their own. */
function createCount({ rows, rowsOf = {} }: Budget): (type: string | undefined) => void {
  let all = 0;
  const byType = new Map<string, number>();
  const limits = new Map(Object.entries(rowsOf));
  return (type) => {
    all += 1;
    if (all > rows) throw new BodyError('excessive', `more than ${rows} entries`);
    const limit = type === undefined ? undefined : limits.get(type);
    if (type === undefined || limit === undefined) return;
    const count = (byType.get(type) ?? 0) + 1;
    byType.set(type, count);
    if (count > limit) throw new BodyError('excessive', `more than ${limit} entries of type ${type}`);
  };
}

const typeOf = (row: unknown): string | undefined =>
  typeof row === 'object' && row !== null && 'type' in row && typeof row.type === 'string'
    ? row.type
    : undefined;

const readElement = (text: string, elements: Elements): Element => {
  const value = parseElement(text);
  return { type: typeOf(value), parsed: elements.parse(value) };
};

/** Reads a list row by row, so that the event loop is never busy with all of them. */
async function readElements(elements: Elements, body: Buffer, budget: Budget): Promise<unknown> {
  const slices = createSlices();
  const count = createCount(budget);
  const read: [string, unknown][] = [];
  const fresh = (text: string): Element => readElement(text, elements);
  for (const { key, text } of elementsOf(body)) {
    const { type, parsed } = elements.known?.of(text, fresh) ?? fresh(text);
    count(type);
    if ((key !== undefined) !== elements.isObject)
      throw new BodyError('malformed', 'its data have another form');
    if (parsed) read.push([key ?? '', parsed.value]);
    if (slices.isOver()) await slices.next();
  }
  return markParsed(elements.isObject ? Object.fromEntries(read) : read.map(([, value]) => value), elements);
}

async function dataIn(endpoint: Endpoint, { body }: Answer): Promise<unknown> {
  const budget = budgetOf(endpoint);
  const elements = elementsOfSchema(endpoint.reply);
  if (elements) return await readElements(elements, body, budget);
  return Envelope.safeParse(parseWhole(body, budget.rows)).data?.data;
}

/** @throws PveError if the response does not match the endpoint's schema, or is larger than it may be */
export async function toResult<P extends z.ZodType<Params>, R extends z.ZodType>(
  endpoint: Endpoint<P, R>,
  call: Call,
  answer: Answer,
): Promise<z.output<R>> {
  try {
    const data = endpoint.reply.safeParse(await dataIn(endpoint, answer));
    if (data.success) return data.data;
    const [issue] = data.error.issues;
    throw unreadableError(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    throw error.kind === 'excessive'
      ? excessiveError(call, error.message)
      : unreadableError(call, error.message);
  }
}

/** The data of a successful response; `undefined` for any other, or if it does not match the schema. */
export async function dataOf<P extends z.ZodType<Params>, R extends z.ZodType>(
  endpoint: Endpoint<P, R>,
  answer: Answer,
): Promise<z.output<R> | undefined> {
  if (!isSuccess(answer)) return undefined;
  try {
    return endpoint.reply.safeParse(await dataIn(endpoint, answer)).data;
  } catch (error) {
    if (error instanceof BodyError) return undefined;
    throw error;
  }
}
