/** How many CPUs, and how much memory, the cluster's nodes allow for a guest. Pure. */
import type { View } from '../../../src/pve/index.ts';
import { bytes, type NodeName } from '../../../src/lib/units.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts, CpuRoom } from '../model/surroundings.ts';

const DEFAULT_MAX_CPUS_FACTOR = 4;

export const cpuRoomOf = (
  spec: Pick<PlainSpec, 'shape' | 'host'>,
  cluster: ClusterFacts,
  node: NodeName,
): CpuRoom => {
  const memory = cluster.view?.nodes.find(({ name }) => name === node)?.memory ?? 0;
  return {
    maxCpus: maxCpusOf(spec, cluster),
    nodeCpus: cpusOfNode(cluster.view, node),
    ...(memory > 0 && { nodeMemory: bytes(memory) }),
  };
};

/** The ceiling, limited to the CPUs of the smallest eligible node: PVE starts no guest with more. */
function maxCpusOf(
  { shape, host }: Pick<PlainSpec, 'shape' | 'host'>,
  { view, nodeSelector }: ClusterFacts,
): number {
  const nodes = view?.nodes.filter(
    ({ name, online }) =>
      online &&
      (host === undefined || host === name) &&
      (nodeSelector.length === 0 || nodeSelector.includes(name)),
  );
  const cpus = shape?.cpus ?? 1;
  const asked = shape?.maxCpus ?? DEFAULT_MAX_CPUS_FACTOR * cpus;
  return Math.max(cpus, Math.min(asked, ...(nodes ?? []).map((each) => each.cpus)));
}

/** CPUs of a node; unlimited if the cluster does not report them. */
function cpusOfNode(view: View | undefined, node: NodeName): number {
  const cpus = view?.nodes.find(({ name }) => name === node)?.cpus ?? 0;
  return cpus > 0 ? cpus : Infinity;
}
