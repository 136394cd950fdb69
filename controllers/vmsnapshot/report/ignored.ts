/** What has no effect: what was edited after the snapshot was taken, and a time that reverts nothing. Pure. */
import type { DomainCondition } from '../../../src/runtime/controller.ts';
import { ownOf } from '../model/own.ts';
import { noEffect } from '../revert/request.ts';
import type { Facts } from './status.ts';

export function ignoredConditions(facts: Facts): readonly DomainCondition[] {
  const sentences = [editedSentence(facts), noEffect(facts.have.revert)].filter((each) => each !== undefined);
  return sentences.length === 0
    ? []
    : [{ type: 'FieldsIgnored', status: 'True', reason: 'NoEffect', message: sentences.join(' ') }];
}

function editedSentence({ have, resolved: { want } }: Facts): string | undefined {
  const own = ownOf(have);
  if (!own || own.state !== undefined || !want.exists) return undefined;
  const fields = [
    ...(isSameText(own.description, want.description) ? [] : ['spec.description']),
    ...(own.memory === want.memory ? [] : ['spec.includeMemory']),
  ];
  if (fields.length === 0) return undefined;
  return `${fields.join(' and ')} ${fields.length === 1 ? 'differs' : 'differ'} from the snapshot, which was taken before. To take another one, create another VMSnapshot.`;
}

/** PVE writes line ends in its own way. */
const isSameText = (a: string, b: string): boolean => normalised(a) === normalised(b);

const normalised = (text: string): string => text.replaceAll('\r\n', '\n').trim();
