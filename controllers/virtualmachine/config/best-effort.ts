/**
 * Options that PVE may refuse although it allows all others: tags, where the datacenter reserves them, and the
 * startup order, which requires a privilege on the whole cluster. Each is written alone and last, so that a refusal
 * blocks nothing; it is reported, and tried again from time to time. The only file that computes what was refused. Pure.
 */
import { asSentence } from '../../../src/lib/sentence.ts';
import type { RefusedWrites } from '../model/process-state.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Failure } from '../model/tasks.ts';
import type { Desired } from '../model/desired.ts';
import { startupWrite, tagWrite } from './options.ts';

const AGAIN_MS = 10 * 60_000;

export type OptionKey = Extract<BestEffortWrite['key'], 'tags' | 'startup'>;
type LastRefusal = NonNullable<RefusedWrites[BestEffortWrite['key']]>;

/** How exactly this write was refused; absent: it was not, or another value was. */
export function lastRefusal(
  { key, value }: BestEffortWrite,
  refused: RefusedWrites,
): LastRefusal | undefined {
  const last = refused[key];
  return last?.value === value ? last : undefined;
}

/** It is not tried again yet. */
export const isRecent = ({ at }: LastRefusal, now: number): boolean => now - at < AGAIN_MS;

interface Context {
  readonly ownTags: readonly string[];
  readonly refusedWrites: RefusedWrites;
  /** The option was applied: what differs now was changed by others. */
  readonly isApplied: (key: OptionKey) => boolean;
  readonly now: number;
}

export function bestEffortWritesOf(
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
  { ownTags, refusedWrites: refused, isApplied, now }: Context,
): Pick<Observed, 'bestEffortWrites' | 'notApplied'> & { readonly open: readonly OptionKey[] } {
  const all = [
    ...startupWrite(want.options?.startup, guest.config),
    ...tagWrite(want.options?.tags, ownTags, guest.config),
  ];
  const isLeft = (key: OptionKey): boolean => isApplied(key) && want.driftPolicy !== 'Revert';
  const whyLeft = (write: BestEffortWrite & { readonly key: OptionKey }): string | undefined => {
    const { key } = write;
    const last = lastRefusal(write, refused);
    if (last !== undefined) return isRecent(last, now) ? refusalMessage(key, last.pveMessage) : undefined;
    return isLeft(key) ? changedMessage(key, guest) : undefined;
  };
  return {
    bestEffortWrites: all.filter((aside) => whyLeft(aside) === undefined),
    notApplied: all.flatMap((aside) => whyLeft(aside) ?? []),
    open: all.map(({ key }) => key),
  };
}

/** @param pveMessage as PVE sent it */
export const refusedAfter = (
  before: RefusedWrites,
  { key, value }: BestEffortWrite,
  { pveMessage, at }: { readonly pveMessage: string; readonly at: number },
): RefusedWrites => ({ ...before, [key]: { value, pveMessage, at } });

/** How PVE refuses a change of tags (pve-guest-common, assert_tag_permissions). */
export const isAboutTags = (pveMessage: string): boolean => pveMessage.includes('for modifying tag');

/** Whether a configuration failed because of the template's tags, which it removes: in its task, or at once. */
export const keepsTags = (failure: Failure | undefined, refused: RefusedWrites): boolean =>
  (failure !== undefined && isAboutTags(failure.message)) ||
  (refused.tags !== undefined && refused.tags.value === undefined);

const FIELDS: Readonly<Record<OptionKey, string>> = {
  tags: 'spec.tags',
  startup: 'spec.startup',
};

/** @param pveMessage as PVE sent it */
const refusalMessage = (key: OptionKey, pveMessage: string): string =>
  `${FIELDS[key]} is not in effect, because Proxmox VE refused it: ${asSentence(pveMessage)} ` +
  (key === 'tags'
    ? 'Allow the tags in the options of the datacenter (user-tag-access, registered-tags), or grant Sys.Modify on /.'
    : 'Grant Sys.Modify on /.');

const changedMessage = (key: OptionKey, { config }: Guest): string =>
  `In Proxmox VE ${key} is ${config[key] ?? '(not set)'}, which ${FIELDS[key]} does not say, and left so. Undo it there, or set spec.driftPolicy to Revert.`;
