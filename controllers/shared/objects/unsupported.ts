/** A kind whose objects are accepted and kept, but not acted upon in this version: each says so. */
import type { Controller, Resource } from '../../../src/runtime/controller.ts';
import { stalled } from '../../../src/runtime/outcome.ts';

/** @param what the sentence's end: "no snapshot is taken" */
export function unsupportedController<O extends Resource>(kind: string, what: string): Controller<O, object> {
  const outcome = stalled(
    'NotSupportedYet',
    `This version of the operator does not act on a ${kind}: ${what}. The object may stay; a later version takes it up.`,
  );
  return { name: kind.toLowerCase(), reconcile: () => Promise.resolve({ outcome, status: {} }) };
}
