/** The VMIDs that VirtualMachines have or may have. */
import { mayBeIn, type ConnectionPoolOptions } from '../../../controllers/index.ts';
import { claimedVmids, providerOf } from './indexes.ts';
import type { Watches } from './watches.ts';

/** By PVE cluster: where the cluster of a Provider is not known, its VMs count too. */
export const claimsOf =
  ({
    Provider,
    VirtualMachine,
  }: Pick<Watches, 'Provider' | 'VirtualMachine'>): ConnectionPoolOptions['claimedIn'] =>
  (cluster) => {
    const isIn = new Map<string, boolean>();
    const countsHere = (key: string): boolean => {
      const [namespace = '', name = ''] = key.split('/');
      const known = isIn.get(key) ?? mayBeIn(Provider.cache.get(namespace, name)?.status?.clusterID, cluster);
      isIn.set(key, known);
      return known;
    };
    return claimedVmids(VirtualMachine.cache.list().filter((vm) => countsHere(providerOf(vm))));
  };
