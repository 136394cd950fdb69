/**
 * Options that PVE may refuse although it allows all others: tags, where the datacenter reserves them, and the
 * startup order, which takes a privilege on the whole cluster. Each is written alone and last, so that a refusal
 * holds nothing back; it is told, and tried again now and then.
 */
import type { GuestMemory } from '../memory.ts';
import type { Aside } from './model.ts';
import type { Guest } from '../model/guest.ts';
import type { Failure, Observed } from '../model/observed.ts';
import type { Desired } from '../model/wish.ts';
import { startupAside, tagAside } from './options.ts';

const AGAIN_MS = 10 * 60_000;

interface Context {
  readonly ownTags: readonly string[];
  readonly memory: Pick<GuestMemory, 'refusedAsides'>;
  /** The wish was brought about: what differs now was changed by others. */
  readonly applied: boolean;
  readonly now: number;
}

export function asidesOf(
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
  { ownTags, memory: { refusedAsides: refused = {} }, applied, now }: Context,
): Pick<Observed, 'asides' | 'asidesLeft'> {
  const all = [
    ...startupAside(want.options?.startup, guest.config),
    ...tagAside(want.options?.tags, ownTags, guest.config),
  ];
  const whyLeft = ({ key, value }: Aside): string | undefined => {
    const last = refused[key];
    if (last && last.value === value)
      return now - last.at < AGAIN_MS ? refusalMessage(key, last.said) : undefined;
    return applied && want.driftPolicy !== 'Revert' ? changedMessage(key, guest) : undefined;
  };
  return {
    asides: all.filter((aside) => whyLeft(aside) === undefined),
    asidesLeft: all.flatMap((aside) => whyLeft(aside) ?? []),
  };
}

/** How PVE refuses a change of tags (pve-guest-common, assert_tag_permissions). */
export const isAboutTags = (said: string): boolean => said.includes('for modifying tag');

/** Whether a configuration failed for the template's tags, which go with it: in its task, or at once. */
export const keepsTags = (
  failure: Failure | undefined,
  { refusedAsides: refused }: Pick<GuestMemory, 'refusedAsides'>,
): boolean =>
  (failure !== undefined && isAboutTags(failure.message)) ||
  (refused?.tags !== undefined && refused.tags.value === undefined);

const FIELDS: Readonly<Record<Aside['key'], string>> = { tags: 'spec.tags', startup: 'spec.startup' };

/** @param said PVE's own words */
const refusalMessage = (key: Aside['key'], said: string): string =>
  `${FIELDS[key]} is not in effect, because Proxmox VE refused it: ${said.replace(/\.?\s*$/, '.')} ` +
  (key === 'tags'
    ? 'Allow the tags in the options of the datacenter (user-tag-access, registered-tags), or grant Sys.Modify on /.'
    : 'Grant Sys.Modify on /.');

const changedMessage = (key: Aside['key'], { config }: Guest): string =>
  `In Proxmox VE ${key} is ${config[key] ?? '(not set)'}, which ${FIELDS[key]} does not say, and left so. Undo it there, or set spec.driftPolicy to Revert.`;
