/** What a spec says about adopting a guest, and whether the Provider grants it. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { isOwnersGrant, selects } from '../../shared/grants/grants.ts';
import type { Shape } from '../model/desired.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';

/** A guest that is not listed is not granted either. */
export function adoptionOf(
  { spec: { adopt } }: VirtualMachine,
  { grant, connection: { inventory } }: Pick<ResolvedSpec, 'grant' | 'connection'>,
): Pick<Shape, 'adopt' | 'adoptDenied' | 'confirmMark'> {
  if (!adopt) return {};
  const row = inventory.view()?.guests.get(adopt.vmid);
  const isGranted = isOwnersGrant(grant) || (row !== undefined && selects(grant.adopt, row));
  return {
    adopt: adopt.vmid,
    ...(!isGranted && { adoptDenied: true }),
    ...(adopt.confirmMark !== undefined && { confirmMark: adopt.confirmMark }),
  };
}

export const adoptIgnored = ({ spec: { adopt }, status }: VirtualMachine): string[] =>
  adopt && status?.vmid !== undefined && status.vmid !== adopt.vmid
    ? [`spec.adopt has no effect: this is VM ${status.vmid} already.`]
    : [];
