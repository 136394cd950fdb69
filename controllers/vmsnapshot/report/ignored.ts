/** What was edited after the snapshot was taken. Pure. */
import type { DomainCondition } from '../../../src/runtime/controller.ts';
import { ownOf } from '../plan/rules/recognition.ts';
import type { Facts } from './status.ts';

export function ignoredConditions({ have, resolved: { want } }: Facts): readonly DomainCondition[] {
  const own = ownOf(have);
  if (!own || own.state !== undefined || !want.exists) return [];
  const fields = [
    ...(isSameText(own.description, want.description) ? [] : ['spec.description']),
    ...(own.memory === want.memory ? [] : ['spec.includeMemory']),
  ];
  if (fields.length === 0) return [];
  const message = `${fields.join(' and ')} ${fields.length === 1 ? 'differs' : 'differ'} from the snapshot, which was taken before. To take another one, create another VMSnapshot.`;
  return [{ type: 'FieldsIgnored', status: 'True', reason: 'NoEffect', message }];
}

/** PVE writes line ends in its own way. */
const isSameText = (a: string, b: string): boolean => normalised(a) === normalised(b);

const normalised = (text: string): string => text.replaceAll('\r\n', '\n').trim();
