/** What an error from Proxmox VE means for a pass. */
import { PveError } from '../../../src/pve/index.ts';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { retry, stalled, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import { Reasons } from './reasons.ts';
import { ExpectedError } from './expected-error.ts';

/** `undefined`: the error is none of Proxmox VE's. */
export function outcomeOf(error: unknown): Outcome | undefined {
  if (error instanceof ExpectedError) return error.outcome;
  if (!(error instanceof PveError)) return undefined;
  const { message } = error;
  switch (error.refusal) {
    case 'locked':
      return waiting(Reasons.locked, message, seconds(2));
    case 'stale':
    case 'exists':
      return waiting('ChangedMeanwhile', message, millis(200));
    case 'notFound':
      return waiting('ChangedMeanwhile', message, seconds(2));
    case 'unknownOutcome':
      return waiting('OutcomeUnknown', message, seconds(1));
    case 'noQuorum':
      return waiting(Reasons.noQuorum, message, seconds(15));
    case 'unauthenticated':
      return waiting(Reasons.authenticationFailed, message, minutes(1));
    case 'forbidden':
      return stalled(Reasons.missingPrivilege, forbiddenMessage(error), minutes(1));
    case 'invalid':
      return stalled(Reasons.refused, message, minutes(1));
    case 'excessive':
      return waiting(Reasons.excessive, message, minutes(1));
    case 'unavailable':
      return retry(Reasons.unreachable, message);
    case 'unknown':
      return retry(Reasons.refused, message);
    default:
      return error.refusal satisfies never;
  }
}

/** What PVE refused, and the privilege to grant. */
export function forbiddenMessage({ missing, message }: PveError): string {
  if (!missing) return message;
  return `${message} The credentials lack the privilege ${missing.privileges.join(' or ')} on ${missing.path}: grant a role that has it, to the user and, with privilege separation, to the token too.`;
}
