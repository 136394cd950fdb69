/** Whether a guest that exists is to be moved to the node of spec.placement.host; PVE is asked only where a move is due. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { MigrationPreconditions } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import type { Relocation } from '../model/placement.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
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

type Wanted = Extract<Desired, { exists: true }>;

interface Candidate {
  readonly want: Wanted;
  readonly guest: Guest;
}

/** Target of a move that is due according to the lists, so that PVE is asked about it; `undefined`: it need not be asked. */
export function hostToAskAbout(
  vm: VirtualMachine,
  { want, guest }: Candidate,
  cluster: ClusterFacts,
): NodeName | undefined {
  const { host } = want;
  if (host === undefined || placementOfHost(vm, { want, guest }) !== 'elsewhere') return undefined;
  // Without quorum PVE neither moves a guest nor reports preconditions.
  if (!cluster.view || cluster.view.quorate === 'no') return undefined;
  if (guest.lock !== undefined || isMovedByHa(guest)) return undefined;
  return obstaclesInView(host, guest, { ...cluster, view: cluster.view }).length === 0 ? host : undefined;
}

/** @param preconditions as PVE reports them; a text: why it does not */
export function relocate(
  vm: VirtualMachine,
  { want, guest }: Candidate,
  {
    cluster,
    preconditions,
  }: { readonly cluster: ClusterFacts; readonly preconditions: MigrationPreconditions | string | undefined },
): Relocation | undefined {
  const { host } = want;
  if (host === undefined) return undefined;
  switch (placementOfHost(vm, { want, guest })) {
    case undefined:
    case 'stays':
    case 'later':
      return undefined;
    case 'strayed':
      return { strayed: movedAwayMessage(host, guest) };
    case 'elsewhere':
      return moveTo(host, guest, { cluster, preconditions });
  }
}

/** `undefined`: a guest that is being created is moved as a part of its creation. */
function placementOfHost(
  vm: VirtualMachine,
  { want: { host, power, driftPolicy = 'Report' }, guest }: Candidate,
): ReturnType<typeof hostPlacement> | undefined {
  return isNew(vm, guest)
    ? undefined
    : hostPlacement({ host, power, driftPolicy, arrived: vm.status?.internal?.host }, guest);
}

function moveTo(
  host: NodeName,
  guest: Guest,
  {
    cluster,
    preconditions,
  }: { readonly cluster: ClusterFacts; readonly preconditions: MigrationPreconditions | string | undefined },
): Relocation {
  const { view } = cluster;
  if (!view) return {};
  if (isMovedByHa(guest)) return { blocked: movedByHaMessage(host, guest) };
  if (view.quorate === 'no') return { blocked: obstacleMessage(host, guest, ['the cluster has no quorum']) };
  const seen = obstaclesInView(host, guest, { ...cluster, view });
  if (seen.length > 0) return { blocked: obstacleMessage(host, guest, seen) };
  // PVE does not report preconditions of a locked guest. The move is due all the same, and waits for the lock.
  if (guest.lock !== undefined) return { move: { to: host, asked: true } };
  if (preconditions === undefined) return {};
  // A refusal is an obstacle like others: it must not block other changes.
  if (typeof preconditions === 'string') return { blocked: obstacleMessage(host, guest, [preconditions]) };
  const obstacles = obstaclesToMove(host, preconditions, guest);
  if (obstacles.length > 0) return { blocked: obstacleMessage(host, guest, obstacles) };
  return {
    move: {
      to: host,
      asked: true,
      ...(guest.running && { online: true, ...(hasLocalDisks(preconditions) && { withLocalDisks: true }) }),
    },
  };
}
