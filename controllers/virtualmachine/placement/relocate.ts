/** Whether a guest is to be moved to the node of spec.placement.host, asking Proxmox VE only where a move is due. Reads only. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { PveError, type CallOptions, type MigrationPreconditions } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import type { Relocation } from '../model/placement.ts';
import {
  hasLocalDisks,
  isMovedByHa,
  movedByHaMessage,
  obstacleMessage,
  obstaclesInView,
  obstaclesToMove,
  movedAwayMessage,
  hostPlacement,
} from './relocation.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';

type Wanted = Extract<Desired, { exists: true }>;

export async function relocate(
  vm: VirtualMachine,
  {
    resolved,
    want,
    guest,
  }: { readonly resolved: ResolvedSpec; readonly want: Wanted; readonly guest: Guest },
  options: CallOptions,
): Promise<Relocation | undefined> {
  const { host, power, driftPolicy = 'Report' } = want;
  // One that is being made is moved as a part of that.
  if (host === undefined || isNew(vm, guest)) return undefined;
  switch (hostPlacement({ host, power, driftPolicy, arrived: vm.status?.internal?.host }, guest)) {
    case 'stays':
    case 'later':
      return undefined;
    case 'strayed':
      return { strayed: movedAwayMessage(host, guest) };
    case 'elsewhere':
      return moveTo(host, { resolved, guest }, options);
  }
}

async function moveTo(
  host: NodeName,
  { resolved: { connection, owner }, guest }: { readonly resolved: ResolvedSpec; readonly guest: Guest },
  options: CallOptions,
): Promise<Relocation> {
  const { inventory, ledger, nodeSelector } = connection;
  const view = inventory.view();
  // PVE does not even say what it would need of a guest that is locked.
  if (!view || guest.lock !== undefined) return {};
  if (isMovedByHa(guest)) return { blocked: movedByHaMessage(host, guest) };
  const promised = ledger.besides(owner.uid, view);
  const seen = obstaclesInView(host, guest, { view, nodeSelector, promised });
  if (seen.length > 0) return { blocked: obstacleMessage(host, guest, seen) };
  const told = await askPve(host, { resolved: { connection }, guest }, options);
  if (typeof told === 'string') return { blocked: obstacleMessage(host, guest, [told]) };
  const obstacles = obstaclesToMove(host, told);
  if (obstacles.length > 0) return { blocked: obstacleMessage(host, guest, obstacles) };
  return {
    move: {
      to: host,
      asked: true,
      ...(guest.running && { online: true, ...(hasLocalDisks(told) && { withLocalDisks: true }) }),
    },
  };
}

/** A refusal is an obstacle like others: it must not hold back what else is due. */
async function askPve(
  host: NodeName,
  {
    resolved: { connection },
    guest,
  }: { readonly resolved: Pick<ResolvedSpec, 'connection'>; readonly guest: Guest },
  options: CallOptions,
): Promise<MigrationPreconditions | string> {
  try {
    return await connection.pve.node(guest.node).qemu(guest.vmid).migrationPreconditions(host, options);
  } catch (error) {
    if (error instanceof PveError && (error.refusal === 'forbidden' || error.refusal === 'invalid'))
      return error.message.replace(/\.$/, '');
    throw error;
  }
}
