/** The VMIDs that VirtualMachines have or may have. */
import { mayBeIn, type ConnectionPoolOptions } from '../../../controllers/index.ts';
import { claimedVmids, providerOf } from './indexes.ts';
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
