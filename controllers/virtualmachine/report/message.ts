/** Describes a plan in a sentence. Pure. */
import { withheldMessage } from '../plan/management.ts';
import { infoOf } from '../steps/step-info.ts';
import type { Plan } from '../model/plan.ts';

/** `Starting the VM.` */
/** Limit of the schema of the status: the API server refuses a status with a longer text as a whole. */
const MAX_TEXT = 1024;

export function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_TEXT ? text : `${characters.slice(0, MAX_TEXT - 1).join('')}…`;
}

export const sentenceOf = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** The message of a plan. */
export const messageOf = (plan: Plan): string | undefined => {
  switch (plan.kind) {
    case 'act':
      return sentenceOf(infoOf(plan.step).doing);
    case 'wait':
    case 'refuse':
      return plan.message;
    case 'withheld':
      return withheldMessage(plan);
    case 'steady':
    case 'gone':
      return undefined;
    default:
      return plan satisfies never;
  }
};
