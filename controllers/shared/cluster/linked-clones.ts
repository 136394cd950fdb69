/** Which linked clones on Ceph need the snapshots of a guest: read from the lists of volumes of its storages. */
import { PveError, type CallOptions, type Pve } from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { minutes, type Vmid } from '../../../src/lib/units.ts';
import type { Guest } from '../guests/model.ts';
import { cephImages, childrenIn, clonesOf, type Child, type LinkedClone } from '../guests/linked-clones.ts';
import type { Connection } from './connections.ts';
import { providerKeyOf } from '../objects/provider-of.ts';

export interface ClonesAt {
  readonly connection: Pick<Connection, 'pve' | 'inventory'>;
  readonly guest: Pick<Guest, 'node' | 'config'>;
  /** In Proxmox VE; absent: all snapshots of the guest. */
  readonly snapshot: string | undefined;
}

/** A list takes Ceph seconds, so one is good for all objects that wait. Nothing is deleted on the word of an old one. */
export interface LinkedClones {
  /** As they were seen a short while ago; empty if nothing was read, or one of them is gone since. */
  known(at: ClonesAt): readonly LinkedClone[];
  /** The same; if nothing was read a short while ago it is read. */
  look(at: ClonesAt, options: CallOptions): Promise<readonly LinkedClone[]>;
  /** As they are now. */
  read(at: ClonesAt, options: CallOptions): Promise<readonly LinkedClone[]>;
}

interface Known {
  readonly children: readonly Child[];
  /** Epoch ms. */
  readonly at: number;
}

const REMEMBERED_FOR = minutes(2);

/** @param now epoch ms */
export function createLinkedClones(now: () => number): LinkedClones {
  /** By storage. A Connection is created again in each pass of its Provider; the handles stay. */
  const known = new WeakMap<Pve, Map<string, Known>>();

  function listsOf({ connection: { pve } }: ClonesAt): Map<string, Known> {
    const lists = known.get(pve) ?? new Map<string, Known>();
    known.set(pve, lists);
    for (const [storage, { at }] of lists) if (now() - at >= REMEMBERED_FOR) lists.delete(storage);
    return lists;
  }

  async function listOf(storage: string, at: ClonesAt, options: CallOptions): Promise<readonly Child[]> {
    const startedAt = now();
    const children = await childrenOn(storage, at, options);
    listsOf(at).set(storage, { children, at: startedAt });
    return children;
  }

  function remembered(storage: string, at: ClonesAt): readonly Child[] | undefined {
    const list = listsOf(at).get(storage);
    const isThere = isListed(at.connection.inventory);
    return list?.children.every(({ vmid, listed }) => !listed || isThere(vmid)) === true
      ? list.children
      : undefined;
  }

  async function collect(
    at: ClonesAt,
    childrenOf: (storage: string) => Promise<readonly Child[]>,
  ): Promise<readonly LinkedClone[]> {
    const found: LinkedClone[] = [];
    for (const [storage, images] of imagesOf(at))
      found.push(...clonesOf(images, at.snapshot, await childrenOf(storage)));
    return found;
  }

  return {
    known: (at) =>
      [...imagesOf(at)].flatMap(([storage, images]) =>
        clonesOf(images, at.snapshot, remembered(storage, at) ?? []),
      ),
    look: (at, options) =>
      collect(at, async (storage) => remembered(storage, at) ?? listOf(storage, at, options)),
    read: (at, options) => collect(at, (storage) => listOf(storage, at, options)),
  };
}

const imagesOf = ({ connection, guest }: ClonesAt): ReadonlyMap<string, readonly string[]> =>
  cephImages(
    guest.config,
    (connection.inventory.view()?.storages ?? []).filter(({ node }) => node === guest.node),
  );

function isListed(inventory: ClonesAt['connection']['inventory']): (vmid: Vmid) => boolean {
  const guests = inventory.view()?.guests;
  return (vmid) => guests?.has(vmid) === true;
}

/** What the credentials may not read, or is too much, is left to Proxmox VE. */
async function childrenOn(
  storage: string,
  { connection: { pve, inventory }, guest }: ClonesAt,
  options: CallOptions,
): Promise<readonly Child[]> {
  try {
    const volumes = await pve.node(guest.node).storage(storage).content('images', options);
    const known = childrenIn(volumes, isListed(inventory));
    if (known.every(({ listed }) => listed)) return known;
    // The list of guests may be older than a clone that was just made.
    await inventory.refresh(options.signal);
    return childrenIn(volumes, isListed(inventory));
  } catch (error) {
    if (error instanceof PveError && (error.refusal === 'forbidden' || error.refusal === 'excessive'))
      return [];
    throw error;
  }
}

/** With the names of the VirtualMachines that have these guests, as far as the reader of one of them may know them. */
export function withNames(
  clones: readonly LinkedClone[],
  vm: Readable<VirtualMachine>,
  vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[],
): readonly LinkedClone[] {
  if (clones.length === 0) return clones;
  const names = new Map(
    vmsIn(vm.metadata.namespace)
      .filter((each) => providerKeyOf(each) === providerKeyOf(vm))
      .map(({ metadata, status }) => [status?.vmid, metadata.name]),
  );
  return clones.map((clone) => ({ ...clone, vm: names.get(clone.vmid) }));
}
