/**
 * Options that PVE may refuse although it allows all others: tags, where the datacenter reserves them, and the
 * startup order, which takes a privilege on the whole cluster. Each is written alone and last, so that a refusal
 * holds nothing back; it is reported, and tried again now and then. The only file that computes what was refused. Pure.
 */
import type { RefusedWrites } from '../model/process-state.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Failure } from '../model/tasks.ts';
import type { Desired } from '../model/desired.ts';
import { startupWrite, tagWrite } from './options.ts';

const AGAIN_MS = 10 * 60_000;

interface Context {
  readonly ownTags: readonly string[];
  readonly refusedWrites: RefusedWrites;
  /** The settings were applied: what differs now was changed by others. */
  readonly applied: boolean;
  readonly now: number;
}

export function bestEffortWritesOf(
  want: Extract<Desired, { exists: true }>,
  guest: Guest,
  { ownTags, refusedWrites: refused, applied, now }: Context,
): Pick<Observed, 'bestEffortWrites' | 'notApplied'> {
  const all = [
    ...startupWrite(want.options?.startup, guest.config),
    ...tagWrite(want.options?.tags, ownTags, guest.config),
  ];
  const whyLeft = ({ key, value }: BestEffortWrite): string | undefined => {
    const last = refused[key];
    if (last && last.value === value)
      return now - last.at < AGAIN_MS ? refusalMessage(key, last.said) : undefined;
    return applied && want.driftPolicy !== 'Revert' ? changedMessage(key, guest) : undefined;
  };
  return {
    bestEffortWrites: all.filter((aside) => whyLeft(aside) === undefined),
    notApplied: all.flatMap((aside) => whyLeft(aside) ?? []),
  };
}

/** @param said PVE's own words */
export const refusedAfter = (
  before: RefusedWrites,
  { key, value }: BestEffortWrite,
  { said, at }: { readonly said: string; readonly at: number },
): RefusedWrites => ({ ...before, [key]: { value, said, at } });

/** How PVE refuses a change of tags (pve-guest-common, assert_tag_permissions). */
export const isAboutTags = (said: string): boolean => said.includes('for modifying tag');

/** Whether a configuration failed for the template's tags, which go with it: in its task, or at once. */
export const keepsTags = (failure: Failure | undefined, refused: RefusedWrites): boolean =>
  (failure !== undefined && isAboutTags(failure.message)) ||
  (refused.tags !== undefined && refused.tags.value === undefined);

const FIELDS: Readonly<Record<BestEffortWrite['key'], string>> = {
  tags: 'spec.tags',
  startup: 'spec.startup',
};

/** @param said PVE's own words */
const refusalMessage = (key: BestEffortWrite['key'], said: string): string =>
  `${FIELDS[key]} is not in effect, because Proxmox VE refused it: ${said.replace(/\.?\s*$/, '.')} ` +
  (key === 'tags'
    ? 'Allow the tags in the options of the datacenter (user-tag-access, registered-tags), or grant Sys.Modify on /.'
    : 'Grant Sys.Modify on /.');

const changedMessage = (key: BestEffortWrite['key'], { config }: Guest): string =>
  `In Proxmox VE ${key} is ${config[key] ?? '(not set)'}, which ${FIELDS[key]} does not say, and left so. Undo it there, or set spec.driftPolicy to Revert.`;
