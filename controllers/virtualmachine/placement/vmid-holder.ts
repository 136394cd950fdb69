/** Who has the number that a spec asks for. Reads only. */
import type { CallOptions, GuestView } from '../../../src/pve/index.ts';
import type { Claim } from '../model/observed.ts';
import type { Creation } from '../model/placement.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';

/** A sentence; `undefined`: nobody, or there is no need to know. */
export async function vmidHolder(
  { connection: { inventory, pve }, shape }: ResolvedSpec,
  { claim, creation }: { readonly claim: Claim | undefined; readonly creation: Creation },
  options: CallOptions,
): Promise<string | undefined> {
  const number = shape?.vmid;
  if (number === undefined || claim || !creation.ok) return undefined;
  const row = inventory.view()?.guests.get(number);
  if (row) return `VMID ${number} belongs to ${describe(row)} on node ${row.node}.`;
  // PVE itself sees guests that our credentials may not see.
  const { free } = await pve.cluster.nextid(number, options);
  return free ? undefined : `VMID ${number} belongs to a guest that the credentials may not see.`;
}

function describe({ type, template, name }: GuestView): string {
  const kind = type === 'lxc' ? 'the container' : template ? 'the template' : 'the VM';
  return name === undefined ? kind : `${kind} "${name}"`;
}
