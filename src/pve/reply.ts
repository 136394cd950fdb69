/** Reads PVE's answers: their envelope, their data, or what they refuse. */
import { z } from 'zod';
import { refused, unreadable, type Call, type PveError } from './errors.ts';
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
  return refused(call, {
    status: answer.status,
    reason: answer.reason,
    message: body?.message,
    fields: body?.errors ?? {},
  });
}

/** @throws PveError when the answer is none that this endpoint gives */
export function toResult<R extends z.ZodType>(reply: R, call: Call, answer: Answer): z.output<R> {
  const body = envelopeOf(answer);
  if (!body.success) throw unreadable(call, 'it is not JSON with data');
  const data = reply.safeParse(body.data.data);
  if (!data.success) {
    const [issue] = data.error.issues;
    throw unreadable(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  return data.data;
}

/** The data of a success; `undefined` where it is none, or cannot be read. */
export const dataOf = <R extends z.ZodType>(reply: R, answer: Answer): z.output<R> | undefined =>
  isSuccess(answer) ? reply.safeParse(envelopeOf(answer).data?.data).data : undefined;
