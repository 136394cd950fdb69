/** The VMIDs that VirtualMachines have or may have, and those that no other VM may get. */
import {
  forceDeletedIn,
  mayBeIn,
  type ConnectionPoolOptions,
  type ForceDeleted,
} from '../../../controllers/index.ts';
import type { Vmid } from '../../lib/units.ts';
import { claimedVmids, keyOf, providerOf } from './indexes.ts';
import type { Caches } from './watches.ts';

/** By PVE cluster: where the Provider of a VM or its cluster is not known, the VM counts too. */
export const claimsOf =
  ({
    Provider,
    VirtualMachine,
  }: Pick<Caches, 'Provider' | 'VirtualMachine'>): ConnectionPoolOptions['claimedIn'] =>
  (cluster) => {
    const isIn = new Map<string, boolean>();
    const countsHere = (key: string | undefined): boolean => {
      if (key === undefined) return true;
      const [namespace = '', name = ''] = key.split('/');
      const known =
        isIn.get(key) ?? mayBeIn(Provider.cache.partial(namespace, name)?.status?.clusterID, cluster);
      isIn.set(key, known);
      return known;
    };
    return claimedVmids(VirtualMachine.cache.list().filter((vm) => countsHere(providerOf(vm))));
  };

/** Together with those of VMs that were deleted by force: what they made may still exist. */
export const reservationsOf =
  (
    { Provider }: Pick<Caches, 'Provider'>,
    claimedIn: ConnectionPoolOptions['claimedIn'],
    forceDeleted: Pick<ForceDeleted, 'reserved'>,
  ): ConnectionPoolOptions['claimedIn'] =>
  (cluster) => {
    const here = Provider.cache.list().filter(({ status }) => mayBeIn(status?.clusterID, cluster));
    const keys = new Set(here.map(({ metadata }) => keyOf(metadata)));
    const listed = here.flatMap(({ status }) => forceDeletedIn(status).map(({ vmid }) => vmid));
    return new Set<Vmid>([
      ...claimedIn(cluster),
      ...listed,
      ...forceDeleted.reserved((key) => keys.has(key)),
    ]);
  };
