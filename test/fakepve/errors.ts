import { Interrupted } from './clock.ts';

/** What a handler throws: a status line with PVE's own words, and the body that goes with it. */
export class PveError extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;
  /** `message` as PVE puts it into the body; the reason phrase is its first line. */
  readonly text: string;
  /** Refused before routing: PVE sends no body then. */
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

/** What Perl's `die "…\n"` in an API method becomes. */
export const failure = (message: string): PveError => new PveError(500, `${message}\n`);

export const paramError = (errors: Readonly<Record<string, string>>): PveError =>
  new PveError(400, 'Parameter verification failed.\n', { errors });

export const forbidden = (detail?: string): PveError =>
  new PveError(403, `Permission check failed${detail === undefined ? '' : ` (${detail})`}\n`);

export const notImplemented = (method: string, path: string): PveError =>
  new PveError(501, `Method '${method} ${path}' not implemented`);

export const refused = (status: number, reason: string): PveError =>
  new PveError(status, reason, { bare: true });

/** What went wrong, for those who report it as part of their own failure. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Interrupted ? 'interrupted by signal' : error.message;
}

/** The one line in which a task reports how it failed. */
export function taskMessage(error: unknown): string {
  if (!(error instanceof PveError)) return error instanceof Error ? error.message : String(error);
  const details = Object.entries(error.errors ?? {}).map(([key, text]) => `${key}: ${text}`);
  return `${error.text}${details.join('')}`.replaceAll('\n', ' ').trimEnd();
}
