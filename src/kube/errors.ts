/** What the API server refused, or that it could not be reached; and what that means for a pass. */
import { minutes, seconds } from '../lib/units.ts';
import { retry, stalled, waiting, type Outcome } from '../runtime/outcome.ts';

export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** 0: no answer came, so what the request did is not known. */
  readonly status: number;
  /** The API's own word, such as Conflict, AlreadyExists, NotFound or Forbidden; `Unreachable` without an answer. */
  readonly reason: string;
  /** How long the server asked to be left alone. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    what: { status: number; reason: string; message: string; retryAfterSeconds?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(what.message, options);
    this.status = what.status;
    this.reason = what.reason;
    this.retryAfterSeconds = what.retryAfterSeconds;
  }
}

/** The requested version is no longer kept: list everything again. */
export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410;

export const hasReason = (error: unknown, reason: string): error is KubeError =>
  error instanceof KubeError && error.reason === reason;

/** The meaning of a refusal inside a pass. `undefined`: not an answer of the API server. */
export function outcomeOfKubeError(error: unknown): Outcome | undefined {
  if (!(error instanceof KubeError)) return undefined;
  switch (error.status) {
    case 409:
      return waiting(
        'Conflict',
        'An object changed while it was being written; it is reconciled again.',
        seconds(1),
      );
    case 401:
    case 403:
      return stalled(
        'KubernetesForbidden',
        `The operator may not do this in Kubernetes: ${error.message}. Grant it the role that comes with the installation.`,
        minutes(5),
      );
    case 400:
    case 422:
      return stalled(
        'KubernetesRefused',
        `The API server refused what the operator wrote: ${error.message}`,
        minutes(30),
      );
    default:
      return retry('KubernetesUnavailable', `The API server could not answer: ${error.message}`);
  }
}
