/** Which snapshot in Proxmox VE is that of the object. Pure. */
import type { SnapshotRow } from '../../../src/pve/index.ts';
import type { Observed } from './observed.ts';

/** The one with our line and the name in status; if status was lost, the only one with our line. */
export function ownOf({ own, name }: Pick<Observed, 'own' | 'name'>): SnapshotRow | undefined {
  return own.find((row) => row.name === name) ?? (own.length === 1 ? own[0] : undefined);
}
