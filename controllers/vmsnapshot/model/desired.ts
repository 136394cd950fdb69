/** What a VMSnapshot asks for, with every reference resolved. Types only: nothing in this file runs. */
import type { Vmid } from '../../../src/lib/units.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { Blocked } from './blocked.ts';

export interface Desired {
  /** False: the object is being deleted, and the snapshot with it. */
  readonly exists: boolean;
  /** The mark of the VM: only on a guest that carries it anything is done. */
  readonly owner: OwnerMark;
  /** SMBIOS UUID of the guest as the VM recorded it. */
  readonly uuid: string | undefined;
  readonly vmid: Vmid;
  /** Identity of the snapshot, the last line of its description. */
  readonly line: string;
  /** uid of the VMSnapshot. */
  readonly uid: string;
  /** Names for the snapshot in Proxmox VE, the best first. */
  readonly names: readonly string[];
  /** The whole description in Proxmox VE. */
  readonly description: string;
  readonly memory: boolean;
  /** Epoch ms: no attempt to take it begins later. Absent: without limit. */
  readonly deadline: number | undefined;
  /** Why nothing may be changed now. */
  readonly restraint: Blocked | undefined;
}
