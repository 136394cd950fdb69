/** Description, startup order, onboot, protection and tags as PVE's keys. An option that the spec omits is not changed. Pure. */
import { parseProperties, printProperties, property, withProperty } from '../../../src/pve/index.ts';
import type { VirtualMachineSpec } from '../../../src/api/index.ts';
import { describeGuest, parseMark, textWithoutMark, type OwnerMark } from '../../shared/guests/owner-mark.ts';
import { cloudInitDrives } from '../../shared/guests/disks.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { Options, Shape } from '../model/desired.ts';

type OptionWrite = BestEffortWrite & { readonly key: 'tags' | 'startup' };

const wholeSeconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.ceil(ms / 1000);

export function optionsOf({
  tags,
  description,
  startup,
  onBoot,
  protection,
  guestName,
}: Pick<VirtualMachineSpec, keyof Options>): Options | undefined {
  const options: Options = {
    ...(tags && { tags: tagSet(tags) }),
    ...(description !== undefined && { description: normalized(description) }),
    ...(startup && {
      startup: {
        order: startup.order,
        up: wholeSeconds(startup.upDelay),
        down: wholeSeconds(startup.downDelay),
      },
    }),
    ...(onBoot !== undefined && { onBoot }),
    ...(protection !== undefined && { protection }),
    ...(guestName !== undefined && { guestName }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

/** PVE trims descriptions and stores Unix line endings. */
const normalized = (text: string): string => text.replaceAll('\r\n', '\n').trim();

const isOn = (config: GuestConfig, key: string): boolean => config[key] === '1';

/** The options that PVE does not refuse separately. */
export function optionKeys(
  { options = {}, owner, cloudInit }: Pick<Shape, 'options' | 'owner'> & Partial<Pick<Shape, 'cloudInit'>>,
  config: GuestConfig,
): Keys {
  const { description, onBoot, protection, guestName } = options;
  const differs = (key: string, desired: boolean | undefined): boolean =>
    desired !== undefined && desired !== isOn(config, key);
  return {
    set: {
      ...(differsInName(guestName, config) && !keepsName({ cloudInit }, config) && { name: guestName }),
      ...(description !== undefined &&
        description !== normalized(textWithoutMark(config['description'] ?? '')) && {
          description: describeGuest({ ...owner, ...uuidIn(config) }, description),
        }),
      ...(differs('onboot', onBoot) && { onboot: Number(onBoot) }),
      ...(differs('protection', protection) && { protection: Number(protection) }),
    },
    delete: [],
  };
}

const differsInName = (guestName: string | undefined, config: GuestConfig): guestName is string =>
  guestName !== undefined && guestName !== config['name'];

/**
 * PVE writes the name into its cloud-init drive at each start and derives the instance-id from what it writes
 * (qemu-server, Cloudinit.pm): after a rename the guest would count as a new instance, with new SSH host keys.
 */
const keepsName = ({ cloudInit }: Pick<Shape, 'cloudInit'>, config: GuestConfig): boolean =>
  cloudInitDrives(config).length > 0 && cloudInit?.onChange !== 'NextBoot';

/** A name that differs and is left so: a sentence. */
export const nameDifferences = (
  { options: { guestName } = {}, cloudInit }: Pick<Shape, 'options' | 'cloudInit'>,
  config: GuestConfig,
): string[] =>
  differsInName(guestName, config) && keepsName({ cloudInit }, config)
    ? [
        `The VM is called ${config['name'] ?? '(nothing)'} in Proxmox VE, but spec.guestName says ${guestName}. Its cloud-init drive contains the name, so a renamed guest would count as a new instance at its next boot and get new SSH host keys. Set spec.userData.onChange to NextBoot if it should, or correct the name.`,
      ]
    : [];

/** What the mark says of the UUID stays: it proves whose guest it is. */
function uuidIn(config: GuestConfig): Pick<OwnerMark, 'uuid'> {
  const { uuid } = parseMark(config['description']) ?? {};
  return uuid === undefined ? {} : { uuid };
}

/** Tags as a set in lower case: PVE converts them to lower case by default. */
const tagSet = (tags: readonly string[]): string[] =>
  [...new Set(tags.map((tag) => tag.toLowerCase()))].toSorted();

const tagsIn = (config: GuestConfig): readonly string[] =>
  (config['tags'] ?? '').split(/[;, ]+/).filter((tag) => tag !== '');

/** @param own - the tags that the operator set, from status: it removes only these */
export function tagWrite(
  desired: readonly string[] = [],
  own: readonly string[],
  config: GuestConfig,
): OptionWrite[] {
  const now = tagsIn(config);
  const has = new Set(tagSet(now));
  const added = desired.filter((tag) => !has.has(tag));
  const surplus = new Set(own.filter((tag) => !desired.includes(tag)));
  const kept = now.filter((tag) => !surplus.has(tag.toLowerCase()));
  if (added.length === 0 && kept.length === now.length) return [];
  const value = [...kept, ...added].toSorted().join(';');
  return [{ key: 'tags', value: value === '' ? undefined : value, note: tagSet([...own, ...added]) }];
}

/** The operator's own tags that the spec contains or the guest still has. */
export const ownTagsIn = (
  own: readonly string[],
  desired: readonly string[],
  config: GuestConfig,
): string[] => {
  const has = new Set(tagSet(tagsIn(config)));
  return own.filter((tag) => desired.includes(tag) || has.has(tag));
};

/** Changes only what the spec contains; other delays are kept. */
export function startupWrite(desired: Options['startup'], config: GuestConfig): OptionWrite[] {
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
