import { Interrupted } from './clock.ts';

/** What a handler throws: a status line with PVE's text, and the body for it. */
export class PveError extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;
  /** `message` in the body; the reason phrase is its first line. */
  readonly text: string;
  /** Refused before routing: PVE then sends no body. */
  readonly bare: boolean;

  constructor(
    status: number,
    text: string,
    options: { errors?: Readonly<Record<string, string>>; bare?: boolean } = {},
  ) {
    super(text.trimEnd());
    this.status = status;
    this.text = text;
    this.errors = options.errors;
    this.bare = options.bare ?? false;
  }
}

/** The result of Perl's `die "…\n"` in an API method. */
export const failure = (message: string): PveError => new PveError(500, `${message}\n`);

export const paramError = (errors: Readonly<Record<string, string>>): PveError =>
  new PveError(400, 'Parameter verification failed.\n', { errors });

export const forbidden = (detail?: string): PveError =>
  new PveError(403, `Permission check failed${detail === undefined ? '' : ` (${detail})`}\n`);

export const notImplemented = (method: string, path: string): PveError =>
  new PveError(501, `Method '${method} ${path}' not implemented`);

export const refused = (status: number, reason: string): PveError =>
  new PveError(status, reason, { bare: true });

/** The error text, to be included in another error. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Interrupted ? 'interrupted by signal' : error.message;
}

/** The line with which a task reports its failure. */
export function taskMessage(error: unknown): string {
  if (!(error instanceof PveError)) return error instanceof Error ? error.message : String(error);
  const details = Object.entries(error.errors ?? {}).map(([key, text]) => `${key}: ${text}`);
  // Refused parameters and missing privileges come with their status (pve-common, PVE/Exception.pm).
  const code = error.status === 400 || error.status === 403 ? `${error.status} ` : '';
  return `${code}${error.text}${details.join('')}`.replaceAll('\n', ' ').trimEnd();
}
