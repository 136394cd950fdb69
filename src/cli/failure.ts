/** What went wrong, in the words of kubectl. */
import { z } from 'zod';
import { KubeError } from '../kube/errors.ts';

/** A fault of the command line or of the task, to be printed as it is. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: number;

  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** What could not be put back: it is said even to who has given up. */
export class LeftBehind extends CliError {}

/** The line that kubectl prints for the same fault. */
export function faultText(error: unknown): string {
  if (!(error instanceof KubeError))
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  switch (error.reason) {
    case 'NoConfiguration':
      return `error: ${error.message}`;
    case 'Unreachable':
      return refusedText(error.cause) ?? `Unable to connect to the server: ${error.message}`;
    default:
      return `Error from server (${error.reason}): ${error.message}`;
  }
}

const Refused = z.object({ code: z.literal('ECONNREFUSED'), address: z.string(), port: z.number() });
const Nested = z.object({ cause: z.unknown().optional(), errors: z.array(z.unknown()).default([]) });

/** Of a port that nothing listens on; where a name has several addresses, of the first. */
function refusedText(cause: unknown): string | undefined {
  const refused = Refused.safeParse(cause).data;
  if (refused)
    return `The connection to the server ${refused.address}:${refused.port} was refused - did you specify the right host or port?`;
  const nested = Nested.safeParse(cause).data;
  const [inner] = [...(nested?.errors ?? []), nested?.cause].filter((each) => each !== undefined);
  return inner === undefined ? undefined : refusedText(inner);
}

export const codeOf = (error: unknown): number => (error instanceof CliError ? error.code : 1);
