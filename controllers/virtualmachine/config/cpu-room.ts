/** The number of CPUs that the nodes allow a guest. */
import type { NodeName } from '../../../src/lib/units.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import type { CpuRoom } from './size.ts';

const DEFAULT_MAX_CPUS_FACTOR = 4;

export const cpuRoomOf = (resolved: ResolvedSpec, node: NodeName): CpuRoom => ({
  maxCpus: maxCpusOf(resolved),
  nodeCpus: cpusOfNode(resolved, node),
});

/** The ceiling for hot-plugging, at most the CPUs of the smallest eligible node: PVE does not start a guest with more. */
function maxCpusOf({ shape, connection, host }: ResolvedSpec): number {
  const { nodeSelector, inventory } = connection;
  const nodes = inventory
    .view()
    ?.nodes.filter(
      ({ name, online }) =>
        online &&
        (host === undefined || host === name) &&
        (nodeSelector.length === 0 || nodeSelector.includes(name)),
    );
  const cpus = shape?.cpus ?? 1;
  const asked = shape?.maxCpus ?? DEFAULT_MAX_CPUS_FACTOR * cpus;
  return Math.max(cpus, Math.min(asked, ...(nodes ?? []).map((node) => node.cpus)));
}

/** CPUs of a node; `Infinity` if PVE does not report them. */
export function cpusOfNode({ connection }: ResolvedSpec, node: NodeName): number {
  const cpus = connection.inventory.view()?.nodes.find(({ name }) => name === node)?.cpus ?? 0;
  return cpus > 0 ? cpus : Infinity;
}
