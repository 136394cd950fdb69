/** Events whose reason is in the list of reasons. */
import type { EventReason } from '../../../src/api/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';

export const normal = (reason: EventReason, message: string): EventNote => ({
  type: 'Normal',
  reason,
  message,
});
export const warning = (reason: EventReason, message: string): EventNote => ({
  type: 'Warning',
  reason,
  message,
});
/** Says what a condition says of something that needs a person. */
export const condition = (reason: string, message: string): EventNote => ({
  type: 'Warning',
  reason,
  message,
  ofCondition: true,
});
