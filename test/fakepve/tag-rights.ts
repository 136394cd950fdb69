import { forbidden } from './errors.ts';
import { splitList } from './schema/formats.ts';
import type { Call } from './call.ts';

interface TagRules {
  readonly allowed: ReadonlySet<string>;
  readonly registered: ReadonlySet<string>;
  /** Free tags are allowed. */
  readonly free: boolean;
}

const option = (call: Call, name: string): string => call.world.options.get(name) ?? '';

function tagsInUse(call: Call): readonly string[] {
  return [...call.world.guests.values()]
    .filter((guest) => call.may(`/vms/${guest.vmid}`, 'VM.Audit'))
    .flatMap((guest) => guest.tags);
}

/** What the datacenter options allow this caller to do with tags. */
function tagRules(call: Call): TagRules {
  const access = option(call, 'user-tag-access');
  const mode = /(?:^|,)user-allow=(\w+)/.exec(access)?.[1] ?? 'free';
  const listed = splitList(/(?:^|,)user-allow-list=([^,]*)/.exec(access)?.[1] ?? '');
  const registered = new Set(splitList(option(call, 'registered-tags')));
  const free = mode === 'free';
  if (call.may('/', 'Sys.Modify'))
    return { allowed: new Set([...listed, ...tagsInUse(call), ...registered]), registered, free };
  const used = free || mode === 'existing' ? tagsInUse(call) : [];
  const offered = [...(mode === 'none' ? [] : listed), ...used];
  return { allowed: new Set(offered.filter((tag) => !registered.has(tag))), registered, free };
}

/** The tags that a client may suggest. */
export const allowedTags = (call: Call): readonly string[] => [...tagRules(call).allowed].sort();

/** Refuses to add or remove tags that the datacenter reserves for others. */
export function checkTagRights(call: Call, vmid: number, before: string | undefined, after: string): void {
  call.need(`/vms/${vmid}`, 'VM.Config.Options');
  if (call.may('/', 'Sys.Modify')) return;
  const { allowed, registered, free } = tagRules(call);
  const [old, next] = [new Set(splitList(before ?? '')), new Set(splitList(after))];
  for (const tag of new Set([...old, ...next])) {
    if (old.has(tag) === next.has(tag)) continue;
    if ((!allowed.has(tag) && !free) || registered.has(tag))
      throw forbidden(`/, Sys.Modify for modifying tag '${tag}'`);
  }
}
