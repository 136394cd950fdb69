/**
 * The owners of guests that no VirtualMachine claims. PVE's lists lack the description with our mark, and a name
 * proves little: people rename guests, and adopt some under other names. So the configuration of each is read, and its
 * mark is remembered for a while: many VMs that are created at once ask for the same.
 */
import {
  PveError,
  type CallOptions,
  type GuestView,
  type Inventory,
  type Pve,
  type View,
} from '../../../src/pve/index.ts';
import { minutes, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import { smbiosUuidOf } from './identity.ts';
import { parseMark, type OwnerMark } from './owner-mark.ts';

export interface MarkedGuest {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly mark: OwnerMark;
  /** SMBIOS UUID. */
  readonly uuid: string | undefined;
  readonly template: boolean;
}

export interface Marks {
  /**
   * All guests with such a mark, in the order of their VMIDs.
   * @param name guests of this name are read in any case, whoever has a claim on them
   * @throws PveError when a guest cannot be read at present: it may be the one. Passed over are those on nodes that are
   * offline, and those that the credentials may not read, unless they have the name
   */
  find(
    view: View,
    wanted: { readonly name: string; readonly is: (guest: MarkedGuest) => boolean },
    options: CallOptions,
  ): Promise<readonly MarkedGuest[]>;
  /** Guests with such a mark that were read in the last minutes, for what does not justify reading them. */
  remembered(): readonly MarkedGuest[];
}

interface Known {
  readonly name: string | undefined;
  readonly at: number;
  readonly guest: Promise<MarkedGuest | undefined>;
  /** Once it was read. */
  found?: MarkedGuest | undefined;
}

const REMEMBERED_FOR = minutes(10);

/** @param claimed the VMIDs in the status of the VirtualMachines of this PVE cluster */
export function createMarks(
  { pve, inventory }: { readonly pve: Pick<Pve, 'node'>; readonly inventory: Pick<Inventory, 'refresh'> },
  claimed: () => ReadonlySet<Vmid>,
  now: () => number,
): Marks {
  const known = new Map<Vmid, Known>();

  async function guestAt(
    { node, vmid, template }: GuestView,
    options: CallOptions,
  ): Promise<MarkedGuest | undefined> {
    const { values } = await pve.node(node).qemu(vmid).config(options);
    const mark = parseMark(values['description']);
    return mark && { vmid, node, mark, uuid: smbiosUuidOf(values), template };
  }

  /** A guest that is not where the list has it was moved since, or destroyed. */
  async function read(row: GuestView, options: CallOptions): Promise<MarkedGuest | undefined> {
    try {
      return await guestAt(row, options);
    } catch (error) {
      if (!(error instanceof PveError) || error.absent !== 'guest') throw error;
      const now = (await inventory.refresh(options.signal)).guests.get(row.vmid);
      return now && guestAt(now, options);
    }
  }

  /** Shared by all who ask, so it does not end with the pass of one of them. */
  function remembered(row: GuestView): Promise<MarkedGuest | undefined> {
    const before = known.get(row.vmid);
    if (before && before.name === row.name && now() - before.at < REMEMBERED_FOR) return before.guest;
    const guest = read(row, {}).catch((error: unknown) => {
      known.delete(row.vmid);
      if (error instanceof PveError && error.refusal === 'forbidden') return undefined;
      throw error;
    });
    const entry: Known = { name: row.name, at: now(), guest };
    known.set(row.vmid, entry);
    void guest.then(
      (found) => (entry.found = found),
      () => undefined,
    );
    return guest;
  }

  return {
    remembered: () => [...known.values()].flatMap(({ found }) => found ?? []),
    async find(view, { name, is }, options) {
      for (const vmid of known.keys()) if (!view.guests.has(vmid)) known.delete(vmid);
      const inStatus = claimed();
      const offline = new Set(view.nodes.filter(({ online }) => !online).map((node) => node.name));
      const rows = [...view.guests.values()]
        .filter(
          (row) =>
            row.type === 'qemu' && (row.name === name || !(inStatus.has(row.vmid) || offline.has(row.node))),
        )
        .toSorted((a, b) => a.vmid - b.vmid);
      const marked = await Promise.all(
        rows.map(async (row) => ({ row, known: row.name === name ? undefined : await remembered(row) })),
      );
      const found: MarkedGuest[] = [];
      // The mark is read again before it is used: people may have changed it, as our messages ask them to.
      for (const { row, known: before } of marked) {
        if (row.name !== name && !(before && is(before))) continue;
        const guest = await read(row, options);
        if (guest && is(guest)) found.push(guest);
        else known.delete(row.vmid);
      }
      return found;
    },
  };
}
