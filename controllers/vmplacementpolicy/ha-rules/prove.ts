/** Whether guests are those of their VMs: a rule makes HA move them, so each is read before it is written. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { isGuestOf } from '../../shared/guests/identity.ts';
import { parseMark } from '../../shared/guests/owner-mark.ts';

type VM = Readable<VirtualMachine>;

/** `unread`: it could not be read, for example because its node is offline. */
export type Proof = 'proven' | 'foreign' | 'unread';

interface Prover {
  readonly connection: Connection;
  readonly clusterId: string;
  readonly signal: AbortSignal;
}

export async function proveAll(
  vmids: readonly Vmid[],
  vmOf: ReadonlyMap<Vmid, VM>,
  prover: Prover,
): Promise<ReadonlyMap<Vmid, Proof>> {
  // At most a hundred; how many are in flight to a node is limited by the transport.
  const proofs = await Promise.all(
    vmids.map(async (vmid) => [vmid, await prove(vmid, vmOf.get(vmid), prover)] as const),
  );
  return new Map(proofs);
}

async function prove(
  vmid: Vmid,
  vm: VM | undefined,
  { connection, clusterId, signal }: Prover,
): Promise<Proof> {
  const view = connection.inventory.view();
  const row = view?.guests.get(vmid);
  if (!vm || !row) return 'foreign';
  if (view?.nodes.some(({ name, online }) => name === row.node && !online) === true) return 'unread';
  const { namespace, name, uid } = vm.metadata;
  try {
    const { values } = await connection.pve.node(row.node).qemu(vmid).config({ signal });
    const guest = { mark: parseMark(values['description']), config: values };
    const owner = { cluster: clusterId, namespace, name, uid };
    return isGuestOf(guest, owner, vm.status?.internal?.uuid) ? 'proven' : 'foreign';
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    return 'unread';
  }
}

/** Those that may stand in the rule: proven ones, and members that cannot be read now, which nothing is done to. */
export const admitted = (
  vmids: readonly Vmid[],
  proofs: ReadonlyMap<Vmid, Proof>,
  members: readonly Vmid[],
): readonly Vmid[] =>
  vmids.filter((vmid) => {
    const proof = proofs.get(vmid);
    return proof === 'proven' || (proof === 'unread' && members.includes(vmid));
  });
