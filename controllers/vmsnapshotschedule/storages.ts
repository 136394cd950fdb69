/** The storages that the disks of a VM are on, and how full they are. */
import type { VirtualMachine } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { Connections } from '../shared/cluster/connections.ts';
import { storagesIn } from '../shared/placement/storages.ts';
import type { StorageUse } from './model.ts';

export function storagesOf(
  { metadata, spec, status }: Readable<VirtualMachine>,
  connections: Pick<Connections, 'get'>,
): readonly StorageUse[] {
  const { namespace = metadata.namespace, name = '' } = spec.providerRef ?? {};
  const names = new Set(status?.disks?.flatMap(({ storage }) => storage ?? []));
  const view = connections.get(namespace, name)?.inventory.view();
  const cluster = view?.clusterName ?? `${namespace}/${name}`;
  const node = (status?.vmid === undefined ? undefined : view?.guests.get(status.vmid)?.node) ?? status?.node;
  const index = view && storagesIn(view);
  return [...names].map((storage) => {
    const found = index?.at(node ?? '', storage);
    const place = index?.isShared(storage) === true ? '' : (node ?? '');
    return { key: `${cluster}/${place}/${storage}`, name: storage, usedPercent: percent(found) };
  });
}

/** A storage that is not available reports nothing, or what it was. */
const percent = (storage: ReturnType<ReturnType<typeof storagesIn>['at']>): number | undefined =>
  storage?.status !== 'available' || !storage.total || storage.used === undefined
    ? undefined
    : (storage.used / storage.total) * 100;
