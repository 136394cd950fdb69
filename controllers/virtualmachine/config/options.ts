/** Description, startup order, onboot, protection and tags: the wish ⇄ PVE's keys. Each that is absent is left as it is. Pure. */
import { parseProperties, printProperties, property, withProperty } from '../../../src/pve/index.ts';
import type { VirtualMachineSpec } from '../../../src/api/index.ts';
import { describeGuest, textBeside } from '../../shared/guests/owner-mark.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { Options, Shape } from '../model/desired.ts';

const wholeSeconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.ceil(ms / 1000);

export function optionsOf({
  tags,
  description,
  startup,
  onBoot,
  protection,
}: Pick<VirtualMachineSpec, keyof Options>): Options | undefined {
  const options: Options = {
    ...(tags && { tags: tagSet(tags) }),
    ...(description !== undefined && { description: normal(description) }),
    ...(startup && {
      startup: {
        order: startup.order,
        up: wholeSeconds(startup.upDelay),
        down: wholeSeconds(startup.downDelay),
      },
    }),
    ...(onBoot !== undefined && { onBoot }),
    ...(protection !== undefined && { protection }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

/** PVE keeps text without the white space around it, and lines as Unix ends them. */
const normal = (text: string): string => text.replaceAll('\r\n', '\n').trim();

const isOn = (config: GuestConfig, key: string): boolean => config[key] === '1';

/** What differs and is never refused for its own sake. */
export function optionKeys(
  { options = {}, owner }: Pick<Shape, 'options' | 'owner'>,
  config: GuestConfig,
): Keys {
  const { description, onBoot, protection } = options;
  const differs = (key: string, desired: boolean | undefined): boolean =>
    desired !== undefined && desired !== isOn(config, key);
  return {
    set: {
      ...(description !== undefined &&
        description !== normal(textBeside(config['description'] ?? '')) && {
          description: describeGuest(owner, description),
        }),
      ...(differs('onboot', onBoot) && { onboot: Number(onBoot) }),
      ...(differs('protection', protection) && { protection: Number(protection) }),
    },
    delete: [],
  };
}

/** As sets, whatever their order and case: PVE itself writes them in lower case unless told otherwise. */
const tagSet = (tags: readonly string[]): string[] =>
  [...new Set(tags.map((tag) => tag.toLowerCase()))].toSorted();

const tagsIn = (config: GuestConfig): readonly string[] =>
  (config['tags'] ?? '').split(/[;, ]+/).filter((tag) => tag !== '');

/** @param own the tags that we set, as status has them: only these may go */
export function tagWrite(
  desired: readonly string[] = [],
  own: readonly string[],
  config: GuestConfig,
): BestEffortWrite[] {
  const now = tagsIn(config);
  const has = new Set(tagSet(now));
  const added = desired.filter((tag) => !has.has(tag));
  const surplus = new Set(own.filter((tag) => !desired.includes(tag)));
  const kept = now.filter((tag) => !surplus.has(tag.toLowerCase()));
  if (added.length === 0 && kept.length === now.length) return [];
  const value = [...kept, ...added].toSorted().join(';');
  return [{ key: 'tags', value: value === '' ? undefined : value, note: tagSet([...own, ...added]) }];
}

/** Ours after this look: what the spec still names or the guest still has. */
export const ownTagsIn = (
  own: readonly string[],
  desired: readonly string[],
  config: GuestConfig,
): string[] => {
  const has = new Set(tagSet(tagsIn(config)));
  return own.filter((tag) => desired.includes(tag) || has.has(tag));
};

/** Only what the spec names; delays that others set beside it stay. */
export function startupWrite(desired: Options['startup'], config: GuestConfig): BestEffortWrite[] {
  if (!desired) return [];
  const now = parseProperties(config['startup'] ?? '').map(({ key = 'order', value }) => ({ key, value }));
  const wanted = Object.entries(desired).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as const],
  );
  if (wanted.every(([key, value]) => property(now, key) === value)) return [];
  const next = wanted.reduce(
    (all, [key, value]) => withProperty(all, key, value),
    parseProperties(printProperties(now)),
  );
  return [{ key: 'startup', value: printProperties(next) }];
}
