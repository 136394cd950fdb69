/** What went wrong, in the words of kubectl. */
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

/** The line that kubectl prints for the same fault. */
export function faultText(error: unknown): string {
  if (!(error instanceof KubeError))
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  switch (error.reason) {
    case 'NoConfiguration':
      return `error: ${error.message}`;
    case 'Unreachable':
      return `Unable to connect to the server: ${error.message}`;
    default:
      return `Error from server (${error.reason}): ${error.message}`;
  }
}

export const codeOf = (error: unknown): number => (error instanceof CliError ? error.code : 1);
