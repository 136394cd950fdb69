/** The VMIDs that VirtualMachines have or may have, those of the templates of VMImages, and those that no other VM may get. */
import {
  forceDeletedIn,
  keptEvidence,
  mayBeIn,
  provesOtherCluster,
  type ConnectedCluster,
  type ConnectionPoolOptions,
  type ForceDeleted,
} from '../../../controllers/index.ts';
import type { Provider, VMImage } from '../../api/index.ts';
import type { Vmid } from '../../lib/units.ts';
import type { Readable } from '../../runtime/controller.ts';
import { claimedVmids, keyOf, providerOf } from './indexes.ts';
import type { Caches } from './watches.ts';

type Providers = Caches['Provider']['cache'];

function find(providers: Providers, key: string): ReturnType<Providers['partial']> {
  const [namespace = '', name = ''] = key.split('/');
  return providers.partial(namespace, name);
}

/** Whether a Provider may lead to this PVE cluster: nothing that its server claims or shows says otherwise. */
function leadsTo(cluster: ConnectedCluster, providers: Providers): (provider: Readable<Provider>) => boolean {
  const sure = cluster.providers.flatMap((key) => find(providers, key) ?? []).map(keptEvidence);
  return (provider) =>
    mayBeIn(provider.status?.clusterID, cluster) &&
    (sure.length === 0 || sure.some((one) => !provesOtherCluster(one, keptEvidence(provider))));
}

/** By PVE cluster: where the Provider of a VM or its cluster is not known, the VM counts too. */
export const claimsOf =
  ({
    Provider,
    VirtualMachine,
    VMImage,
  }: Pick<Caches, 'Provider' | 'VirtualMachine' | 'VMImage'>): ConnectionPoolOptions['claimedIn'] =>
  (cluster) => {
    const leadsHere = leadsTo(cluster, Provider.cache);
    const isIn = new Map<string, boolean>();
    const countsHere = (key: string | undefined): boolean => {
      if (key === undefined) return true;
      const provider = find(Provider.cache, key);
      const known = isIn.get(key) ?? (!provider || leadsHere(provider));
      isIn.set(key, known);
      return known;
    };
    return new Set([
      ...claimedVmids(VirtualMachine.cache.list().filter((vm) => countsHere(providerOf(vm)))),
      ...templatesOf(VMImage.cache.list(), countsHere),
    ]);
  };

const templatesOf = (
  images: readonly Readable<VMImage>[],
  countsHere: (provider: string) => boolean,
): readonly Vmid[] =>
  images.flatMap(({ status }) =>
    (status?.templates ?? []).flatMap(({ provider, vmid }) => (countsHere(provider) ? vmid : [])),
  );

/** Together with those of VMs that were deleted by force: what they made may still exist. */
export const reservationsOf =
  (
    { Provider }: Pick<Caches, 'Provider'>,
    claimedIn: ConnectionPoolOptions['claimedIn'],
    forceDeleted: Pick<ForceDeleted, 'reserved'>,
  ): ConnectionPoolOptions['claimedIn'] =>
  (cluster) => {
    const here = Provider.cache.list().filter(leadsTo(cluster, Provider.cache));
    const keys = new Set(here.map(({ metadata }) => keyOf(metadata)));
    const listed = here.flatMap(({ status }) => forceDeletedIn(status).map(({ vmid }) => vmid));
    return new Set<Vmid>([
      ...claimedIn(cluster),
      ...listed,
      ...forceDeleted.reserved((key) => keys.has(key)),
    ]);
  };
