/** Describes a plan in a sentence. Pure. */
import { withheldMessage } from '../plan/management.ts';
import { infoOf } from '../steps/step-info.ts';
import type { Plan } from '../model/plan.ts';

/** `Starting the VM.` */
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
