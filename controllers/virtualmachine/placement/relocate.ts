/** Whether a guest that exists is to be moved to the node of spec.placement.host; PVE is asked only where a move is due. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Movability } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import type { Relocation } from '../model/placement.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import {
  hasLocalDisks,
  isMovedByHa,
  movedByHaSentence,
  obstacleSentence,
  obstaclesInView,
  obstaclesToMove,
  strayedSentence,
  hostPlacement,
} from './relocation.ts';

type Wanted = Extract<Desired, { exists: true }>;

interface Candidate {
  readonly want: Wanted;
  readonly guest: Guest;
}

/** Where a move is due as far as the lists say, so that PVE is asked about it; `undefined`: it need not be asked. */
export function hostToAskAbout(
  vm: VirtualMachine,
  { want, guest }: Candidate,
  cluster: ClusterFacts,
): NodeName | undefined {
  const { host } = want;
  if (host === undefined || placementOfHost(vm, { want, guest }) !== 'elsewhere') return undefined;
  if (!cluster.view || guest.lock !== undefined || isMovedByHa(guest)) return undefined;
  return obstaclesInView(host, guest, { ...cluster, view: cluster.view }).length === 0 ? host : undefined;
}

/** @param told what PVE says about the move; a text: why it says nothing */
export function relocate(
  vm: VirtualMachine,
  { want, guest }: Candidate,
  { cluster, told }: { readonly cluster: ClusterFacts; readonly told: Movability | string | undefined },
): Relocation | undefined {
  const { host } = want;
  if (host === undefined) return undefined;
  switch (placementOfHost(vm, { want, guest })) {
    case undefined:
    case 'stays':
    case 'later':
      return undefined;
    case 'strayed':
      return { strayed: strayedSentence(host, guest) };
    case 'elsewhere':
      return moveTo(host, guest, { cluster, told });
  }
}

/** `undefined`: a guest that is being made is moved as a part of that. */
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
  { cluster, told }: { readonly cluster: ClusterFacts; readonly told: Movability | string | undefined },
): Relocation {
  const { view } = cluster;
  // PVE does not even say what it would need of a guest that is locked.
  if (!view || guest.lock !== undefined) return {};
  if (isMovedByHa(guest)) return { blocked: movedByHaSentence(host, guest) };
  const seen = obstaclesInView(host, guest, { ...cluster, view });
  if (seen.length > 0) return { blocked: obstacleSentence(host, guest, seen) };
  if (told === undefined) return {};
  // A refusal is an obstacle like others: it must not hold back what else is due.
  if (typeof told === 'string') return { blocked: obstacleSentence(host, guest, [told]) };
  const obstacles = obstaclesToMove(host, told);
  if (obstacles.length > 0) return { blocked: obstacleSentence(host, guest, obstacles) };
  return {
    move: {
      to: host,
      asked: true,
      ...(guest.running && { online: true, ...(hasLocalDisks(told) && { withLocalDisks: true }) }),
    },
  };
}
