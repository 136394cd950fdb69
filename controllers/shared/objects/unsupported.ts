/** A kind whose objects are accepted and kept, but not acted upon in this version: each reports that. */
import type { Controller, Resource } from '../../../src/runtime/controller.ts';
import { stalled } from '../../../src/runtime/outcome.ts';

/** @param what the sentence's end: "no snapshot is taken" */
export function unsupportedController<O extends Resource>(kind: string, what: string): Controller<O, object> {
  const outcome = stalled(
    'NotSupportedYet',
    `This version of the operator does not act on a ${kind}: ${what}. The object can be kept: a later version will reconcile it.`,
  );
  return { name: kind.toLowerCase(), reconcile: () => Promise.resolve({ outcome, status: {} }) };
}
