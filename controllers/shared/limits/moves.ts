/** How many VMs are moved at a time: moves share the network of the nodes they leave and reach. */
import { minutes, type NodeName } from '../../../src/lib/units.ts';
import { createSlots, type Slots } from './slots.ts';

export interface Route {
  readonly from: NodeName;
  readonly to: NodeName;
}

export type MoveSlots = Slots<Route>;

/** From or to a node. */
export const MAX_MOVES = 2;

/** Each pass over a VM that is being moved renews its slot; there are no passes while the VM is paused, for example. */
const FORGOTTEN_AFTER = minutes(10);

/** @param wake asks for a pass over a VM that waits for a slot */
export const createMoveSlots = (now: () => number, wake: (uid: string) => void): MoveSlots =>
  createSlots({ competesFor, forgottenAfter: FORGOTTEN_AFTER }, { now, wake });

const competesFor = ({ from, to }: Route): ReadonlyMap<string, number> =>
  new Map([
    [from, MAX_MOVES],
    [to, MAX_MOVES],
  ]);
