/** Parses PVE's responses: envelope, data and errors. */
import { z } from 'zod';
import { refusalError, unreadableError, type Call, type PveError } from './errors.ts';
import type { Answer } from './exchange.ts';

const Envelope = z.object({
  data: z.unknown(),
  message: z.string().optional().catch(undefined),
  errors: z.record(z.string(), z.coerce.string()).optional().catch(undefined),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const envelopeOf = (answer: Answer): z.ZodSafeParseResult<z.output<typeof Envelope>> =>
  Envelope.safeParse(parseJson(answer.body));

export const isSuccess = (answer: Answer): boolean => answer.status >= 200 && answer.status < 300;

export function toError(call: Call, answer: Answer): PveError {
  const body = envelopeOf(answer).data;
  return refusalError(call, {
    status: answer.status,
    reason: answer.reason,
    message: body?.message,
    fields: body?.errors ?? {},
  });
}

/** @throws PveError if the response does not match the endpoint's schema */
export function toResult<R extends z.ZodType>(reply: R, call: Call, answer: Answer): z.output<R> {
  const body = envelopeOf(answer);
  if (!body.success) throw unreadableError(call, 'it is not JSON with data');
  const data = reply.safeParse(body.data.data);
  if (!data.success) {
    const [issue] = data.error.issues;
    throw unreadableError(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  return data.data;
}

/** The data of a successful response; `undefined` for any other, or if it does not match the schema. */
export const dataOf = <R extends z.ZodType>(reply: R, answer: Answer): z.output<R> | undefined =>
  isSuccess(answer) ? reply.safeParse(envelopeOf(answer).data?.data).data : undefined;
