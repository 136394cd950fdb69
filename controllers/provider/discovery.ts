/** The guests of a PVE cluster that could be adopted, for people to choose from. Nothing is adopted by it. Pure. */
import { z } from 'zod';
import type { GuestView, View } from '../../src/pve/index.ts';
import { ADOPT_VMS, ADOPT_FILTER, type Provider, type ProviderStatus } from '../../src/api/index.ts';
import { formatQuantity } from '../../src/lib/quantity.ts';
import { MiB, type Vmid } from '../../src/lib/units.ts';
import type { ForceDeletedVm } from '../shared/cluster/force-deleted.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';

const Filter = z.strictObject({
  /** `*` stands for any text, `?` for one character. */
  namePattern: z.string().max(253).optional(),
  powerState: z.enum(['On', 'Off']).optional(),
  minCPU: z.number().optional(),
  maxCPU: z.number().optional(),
  minMemoryMiB: z.number().optional(),
  maxMemoryMiB: z.number().optional(),
});
export type Filter = z.output<typeof Filter>;

/** `undefined`: no list was asked for. */
export type Discovery =
  | { readonly ok: true; readonly discovered: NonNullable<ProviderStatus['discovered']> }
  | { readonly ok: false; readonly problem: string }
  | undefined;

const MAX_LISTED = 64;

/** It yields where the work may be interrupted: how long it takes is up to the guests and the pattern. */
export function* discover(
  { metadata: { annotations } }: Provider,
  view: View,
  claimedIn: () => ReadonlySet<Vmid>,
): Generator<void, Discovery> {
  if (annotations[ADOPT_VMS] !== 'true') return undefined;
  const filter = parseFilter(annotations[ADOPT_FILTER]);
  if (typeof filter === 'string') return { ok: false, problem: filter };
  const claimed = claimedIn();
  const found: GuestView[] = [];
  for (const row of view.guests.values()) {
    if (row.type === 'qemu' && !row.template && !claimed.has(row.vmid) && passes(filter, row))
      found.push(row);
    yield;
  }
  const vms = found.toSorted((a, b) => a.vmid - b.vmid).slice(0, MAX_LISTED);
  return { ok: true, discovered: { count: found.length, vms: vms.map(toStatus) } };
}

type Discovered = NonNullable<ProviderStatus['discovered']>;

/**
 * The list with those that were deleted by force, which stay on it whatever the annotations say.
 * @param view absent: Proxmox VE cannot be asked
 */
export function withForceDeleted(
  discovered: Discovered | undefined,
  forced: readonly ForceDeletedVm[],
  view: View | undefined,
): Discovered | undefined {
  if (forced.length === 0) return discovered;
  const numbers = new Set<number>(forced.map(({ vmid }) => vmid));
  const { count, vms } = discovered ?? { count: 0, vms: [] };
  const others = vms.filter(({ vmid }) => !numbers.has(vmid));
  const kept = forced.slice(0, MAX_LISTED).map((vm) => ({ ...entryOf(vm, view), forceDeleted: true }));
  return {
    count: count - (vms.length - others.length) + forced.length,
    vms: [...others.slice(0, MAX_LISTED - kept.length), ...kept].toSorted((a, b) => a.vmid - b.vmid),
  };
}

function entryOf({ vmid, name, node }: ForceDeletedVm, view: View | undefined): Discovered['vms'][number] {
  const row = view?.guests.get(vmid);
  return row ? toStatus(row) : { vmid, ...omitUndefined({ name, node }) };
}

function parseFilter(text: string | undefined): Filter | string {
  if (text === undefined) return {};
  const parsed = z
    .string()
    .transform((json, context): unknown => {
      try {
        return JSON.parse(json);
      } catch {
        context.addIssue('is not JSON');
        return z.NEVER;
      }
    })
    .pipe(Filter)
    .safeParse(text);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map(({ path, message }) => [...path, message].join(' ')).join('; ');
  return `The annotation ${ADOPT_FILTER} is invalid, so no VM is listed: ${why}. Set it to JSON such as {"namePattern": "web-*", "powerState": "On", "minCPU": 2, "maxMemoryMiB": 8192}.`;
}

function passes(filter: Filter, { name = '', status, maxcpu = 0, maxmem }: GuestView): boolean {
  const { namePattern = '*', powerState = powerOf(status) } = filter;
  const { minCPU, maxCPU, minMemoryMiB, maxMemoryMiB } = filter;
  return (
    matches(name, namePattern) &&
    powerState === powerOf(status) &&
    isWithin(maxcpu, minCPU, maxCPU) &&
    isWithin((maxmem ?? 0) / MiB, minMemoryMiB, maxMemoryMiB)
  );
}

const isWithin = (value: number, least = 0, most = Infinity): boolean => value >= least && value <= most;

/** No regular expression: one with many stars would take extremely long for some names. */
function matches(name: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return alike(name, head);
  let at = head.length;
  for (const part of rest) {
    at = find(name, part, at);
    if (at < 0) return false;
    at += part.length;
  }
  const end = name.length - tail.length;
  return end >= at && alike(name.slice(0, head.length), head) && alike(name.slice(end), tail);
}

const alike = (text: string, part: string): boolean =>
  text.length === part.length &&
  Array.from(part).every((letter, at) => letter === '?' || letter === text[at]);

function find(text: string, part: string, from: number): number {
  for (let at = from; at + part.length <= text.length; at += 1)
    if (alike(text.slice(at, at + part.length), part)) return at;
  return -1;
}

const powerOf = (status: GuestView['status']): 'On' | 'Off' => (status === 'running' ? 'On' : 'Off');

const toStatus = ({ vmid, name, node, status, maxcpu, maxmem }: GuestView) => ({
  vmid,
  node,
  powerState: powerOf(status),
  ...omitUndefined({ name, cpus: maxcpu, memory: maxmem === undefined ? undefined : formatQuantity(maxmem) }),
});
