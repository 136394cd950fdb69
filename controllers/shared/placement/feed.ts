/** Tells a count of the VMs of a namespace: first of all of them, then of those that have changed. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { CountPorts } from './counted.ts';
import type { Change } from './meant.ts';
import { peersIn, strangersIn } from './peers.ts';
import type { Peer } from './rule-facts.ts';
import type { Site } from './site.ts';
import { providerKeyOf } from '../objects/provider-of.ts';

type VM = Readable<VirtualMachine>;

/** What has changed in Kubernetes. */
export interface PlacementChanges {
  /** Another number after each edit of a policy or a Provider, and each change of the labels of a Namespace. */
  readonly rules: () => number;
  /** How far the changes of the VMs of a namespace have come. */
  readonly position: (namespace: string) => number;
  /** The names of those that have changed since. `undefined`: it is not known any more. */
  readonly since: (namespace: string, position: number) => ReadonlySet<string> | undefined;
  /** Those that have VMs. */
  readonly namespaces: () => readonly string[];
}

export interface FeedPorts extends CountPorts {
  readonly vmNamed: (namespace: string, name: string) => VM | undefined;
  readonly changes: PlacementChanges;
}

export interface Feed {
  readonly fill: (site: Site, ports: FeedPorts) => void;
  /** `false`: it has to begin again. */
  readonly follow: (site: Site, ports: FeedPorts) => boolean;
}

interface Purpose {
  readonly namespace: string;
  /** The namespace of those who read the result. */
  readonly from: string;
  readonly to: Change;
  /** Also of guests that are none of these VMs. */
  readonly strangers: boolean;
}

interface Known {
  readonly uid: string;
  readonly peer: Peer | undefined;
  /** Of a guest in this cluster. */
  readonly vmid: Vmid | undefined;
}

export function createFeed({ namespace, from, to, strangers: withStrangers }: Purpose): Feed {
  const known = new Map<string, Known>();
  const nameOf = new Map<string, string>();
  /** One VM for each Provider, and whether it is in this cluster. */
  const providers = new Map<string, { readonly vm: VM; readonly here: boolean | 'unknown' }>();
  const others = createStrangers(to);
  let position = 0;
  let last: Pick<Site, 'destinations' | 'view'> | undefined;

  function put(name: string, vm: VM | undefined, site: Site): void {
    const before = known.get(name);
    const after = vm && knownOf(vm, from, site);
    forget(name, before);
    if (vm && after) remember(name, { vm, after, site });
    if (before?.peer !== after?.peer) to(before?.peer, after?.peer);
    if (withStrangers) others.claim(before?.vmid, after?.vmid);
  }

  function forget(name: string, before: Known | undefined): void {
    if (before) nameOf.delete(before.uid);
    known.delete(name);
  }

  function remember(
    name: string,
    { vm, after, site }: { readonly vm: VM; readonly after: Known; readonly site: Site },
  ): void {
    known.set(name, after);
    nameOf.set(after.uid, name);
    const provider = providerKeyOf(vm);
    if (!providers.has(provider)) providers.set(provider, { vm, here: site.isHere(vm) });
  }

  return {
    fill(site, { vmsIn, changes }) {
      position = changes.position(namespace);
      last = site;
      if (withStrangers) others.list(site);
      for (const vm of vmsIn(namespace)) put(vm.metadata.name, vm, site);
    },
    follow(site, { vmNamed, changes }) {
      const changed = changes.since(namespace, position);
      if (!last || !changed || providers.values().some(({ vm, here }) => site.isHere(vm) !== here))
        return false;
      const names = new Set([
        ...changed,
        ...movedBetween(last.destinations, site.destinations).flatMap((uid) => nameOf.get(uid) ?? []),
        ...(last.view === site.view ? [] : listedOtherwise(known, last.view, site.view)),
      ]);
      if (withStrangers && last.view !== site.view) others.list(site);
      position = changes.position(namespace);
      last = site;
      for (const name of names) put(name, vmNamed(namespace, name), site);
      return true;
    },
  };
}

/** The names of the VMs whose guests the list shows elsewhere, or with other tags. */
function* listedOtherwise(known: ReadonlyMap<string, Known>, before: View, now: View): Generator<string> {
  for (const [name, { vmid }] of known) {
    if (vmid === undefined) continue;
    const [was, is] = [before.guests.get(vmid), now.guests.get(vmid)];
    if (was?.node !== is?.node || !haveSameTags(was, is)) yield name;
  }
}

const haveSameTags = ({ tags: a }: Tagged = NO_TAGS, { tags: b }: Tagged = NO_TAGS): boolean =>
  a.length === b.length && a.every((tag, at) => tag === b[at]);

type Tagged = Pick<Peer, 'tags'>;
const NO_TAGS: Tagged = { tags: [] };

function knownOf(vm: VM, from: string, site: Site): Known {
  const [peer] = peersIn([vm], from, site);
  const vmid = site.isHere(vm) === true ? vm.status?.vmid : undefined;
  return { uid: vm.metadata.uid, peer, vmid };
}

/** The uids of VMs that are to be elsewhere now. */
function movedBetween(before: Site['destinations'], now: Site['destinations']): readonly string[] {
  const nodeOf = (all: Site['destinations'], uid: string): NodeName | undefined => all.get(uid)?.node;
  return [...new Set([...before.keys(), ...now.keys()])].filter(
    (uid) => nodeOf(before, uid) !== nodeOf(now, uid),
  );
}

/** Guests with tags, except those that VMs have. */
function createStrangers(to: Change) {
  const claims = new Map<number, number>();
  let guests: ReadonlyMap<number, Peer> = new Map();
  const add = (vmid: number | undefined, amount: 1 | -1): void => {
    if (vmid === undefined) return;
    const before = claims.get(vmid) ?? 0;
    if (before + amount === 0) claims.delete(vmid);
    else claims.set(vmid, before + amount);
    const guest = guests.get(vmid);
    if (guest && before === 0) to(guest, undefined);
    if (guest && before + amount === 0) to(undefined, guest);
  };
  return {
    list(site: Site): void {
      const before = guests;
      guests = strangersIn(site, new Set());
      for (const vmid of new Set([...before.keys(), ...guests.keys()]))
        if (!claims.has(vmid)) to(before.get(vmid), guests.get(vmid));
    },
    claim(before: number | undefined, after: number | undefined): void {
      if (before === after) return;
      add(before, -1);
      add(after, 1);
    },
  };
}
