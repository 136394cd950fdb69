/** The facts about the cluster that decisions about a guest use. A settled guest depends on the same facts. Pure. */
import type { View } from '../../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import { cpuRoomOf } from '../config/cpu-room.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type {
  ClusterFacts,
  GuestRow,
  HostProspect,
  StorageFacts,
  Surroundings,
} from '../model/surroundings.ts';
import { haObstacle } from '../../shared/placement/ha-mode.ts';
import { roomIn } from '../../shared/placement/room.ts';

export function surroundingsOf(
  cluster: ClusterFacts,
  spec: PlainSpec,
  { vmid, node }: { readonly vmid: Vmid; readonly node: NodeName },
): Surroundings {
  const { view, defaults, releases } = cluster;
  const { host } = spec;
  const storages = view?.storages.filter((each) => each.node === node || each.node === host) ?? [];
  return {
    row: rowOf(view, vmid),
    cpus: cpuRoomOf(spec, cluster, node),
    storages: storages.map(withoutFigures),
    isoStorage: defaults.isoStorage,
    release: releases?.get(node),
    ...(host !== undefined && host !== node && { host: prospectOf(host, cluster, vmid) }),
  };
}

/** A guest as the list of guests has it. */
export function rowOf(view: View | undefined, vmid: Vmid | undefined): GuestRow | undefined {
  const row = vmid === undefined ? undefined : view?.guests.get(vmid);
  if (!row) return undefined;
  const { uptime: _uptime, maxdisk: _maxdisk, ...stable } = row;
  return stable;
}

const withoutFigures = ({ total: _total, used: _used, ...stable }: View['storages'][number]): StorageFacts =>
  stable;

function prospectOf(host: NodeName, { view, nodeSelector }: ClusterFacts, vmid: Vmid): HostProspect {
  const target = view?.nodes.find(({ name }) => name === host);
  const needed = view?.guests.get(vmid)?.maxmem ?? 0;
  return {
    name: host,
    exists: target !== undefined,
    online: target?.online === true,
    ha: target && haObstacle(target),
    selected: nodeSelector.length === 0 || nodeSelector.includes(host),
    takes: view !== undefined && target !== undefined && roomIn(view, NOTHING).memoryOf(target) >= needed,
  };
}

const NOTHING = { memory: new Map<string, number>(), space: new Map<string, number>() };
