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
import { parseMark, type OwnerMark } from './owner-mark.ts';

export interface MarkedGuest {
  readonly vmid: Vmid;
  readonly mark: OwnerMark;
}

export interface Marks {
  /**
   * A guest with such a mark.
   * @param name guests of this name are read in any case, whoever has a claim on them
   * @throws PveError when a guest cannot be read at present: it may be the one. Passed over are those on nodes that are
   * offline, and those that the credentials may not read, unless they have the name
   */
  find(
    view: View,
    wanted: { readonly name: string; readonly is: (mark: OwnerMark) => boolean },
    options: CallOptions,
  ): Promise<MarkedGuest | undefined>;
}

interface Known {
  readonly name: string | undefined;
  readonly at: number;
  readonly mark: Promise<OwnerMark | undefined>;
}

const REMEMBERED_FOR = minutes(10);

/** @param claimed the VMIDs in the status of the VirtualMachines of this PVE cluster */
export function createMarks(
  { pve, inventory }: { readonly pve: Pick<Pve, 'node'>; readonly inventory: Pick<Inventory, 'refresh'> },
  claimed: () => ReadonlySet<Vmid>,
  now: () => number,
): Marks {
  const known = new Map<Vmid, Known>();

  async function markAt(node: NodeName, vmid: Vmid, options: CallOptions): Promise<OwnerMark | undefined> {
    const { values } = await pve.node(node).qemu(vmid).config(options);
    return parseMark(values['description']);
  }

  /** A guest that is not where the list has it was moved since, or destroyed. */
  async function read({ node, vmid }: GuestView, options: CallOptions): Promise<OwnerMark | undefined> {
    try {
      return await markAt(node, vmid, options);
    } catch (error) {
      if (!(error instanceof PveError) || error.absent !== 'guest') throw error;
      const now = (await inventory.refresh(options.signal)).guests.get(vmid);
      return now && markAt(now.node, vmid, options);
    }
  }

  /** Shared by all who ask, so it does not end with the pass of one of them. */
  function remembered(row: GuestView): Promise<OwnerMark | undefined> {
    const before = known.get(row.vmid);
    if (before && before.name === row.name && now() - before.at < REMEMBERED_FOR) return before.mark;
    const mark = read(row, {}).catch((error: unknown) => {
      known.delete(row.vmid);
      if (error instanceof PveError && error.refusal === 'forbidden') return undefined;
      throw error;
    });
    known.set(row.vmid, { name: row.name, at: now(), mark });
    return mark;
  }

  return {
    async find(view, { name, is }, options) {
      for (const vmid of known.keys()) if (!view.guests.has(vmid)) known.delete(vmid);
      const inStatus = claimed();
      const offline = new Set(view.nodes.filter(({ online }) => !online).map((node) => node.name));
      const rows = [...view.guests.values()].filter(
        (row) =>
          row.type === 'qemu' &&
          !row.template &&
          (row.name === name || !(inStatus.has(row.vmid) || offline.has(row.node))),
      );
      const marked = await Promise.all(
        rows.map(async (row) => ({ row, mark: row.name === name ? undefined : await remembered(row) })),
      );
      // The mark is read again before it is used: people may have changed it, as our messages ask them to.
      for (const { row, mark } of marked) {
        if (row.name !== name && !(mark && is(mark))) continue;
        const found = await read(row, options);
        if (found && is(found)) return { vmid: row.vmid, mark: found };
        known.delete(row.vmid);
      }
      return undefined;
    },
  };
}
