/** Reads what must be known about a guest, question by question. Reads only; conclusions are derived from the answers. */
import type { Digest } from '../../../src/lib/hash.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CallOptions } from '../../../src/pve/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import { derive, type Derived } from './derive.ts';
import type { Inputs } from './inputs.ts';
import { questions } from './questions.ts';
import { NO_FACTS, type RawFacts } from './raw-facts.ts';
import { read } from './read.ts';
import type { Readers } from './readers.ts';

export interface ObserveContext extends Readers {
  readonly state: ProcessState;
  readonly digest: Digest;
  readonly options: CallOptions;
  /** Epoch ms. */
  readonly now: number;
}

/** Answers raise few new questions, but each node without a bridge excludes one node. */
const MAX_ROUNDS = 200;

/**
 * There is no await between the last answer and the derivation, so no other decision can come between the
 * figures of the cluster and what the caller reserves on them.
 * @param use called with the derived observation, in the same turn of the event loop
 */
export async function observe<T>(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  context: ObserveContext,
  use: (derived: Derived) => T,
): Promise<T> {
  const { connection, ...spec } = resolved;
  const { state, digest, now } = context;
  let raw = NO_FACTS;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const policy = context.policyLimits(vm, connection);
    const cluster = { ...clusterFacts(connection, spec.owner.uid), policy };
    const inputs: Inputs = { vm, spec, raw, cluster, state, digest, now };
    const open = questions(inputs);
    if (open.length === 0) return use(derive(inputs));
    const answers = await Promise.all(
      open.map((question) => read(question, { ...context, vm, connection, spec })),
    );
    raw = answers.reduce(withAnswer, raw);
  }
  throw new Error(`the guest of ${spec.owner.namespace}/${spec.owner.name} has questions without an answer`);
}

/** The cluster as it is known now. @param uid of the VM that asks: what is reserved for others is not available */
export function clusterFacts(connection: Connection, uid: string): ClusterFacts {
  const { inventory, ledger, nodeSelector, defaults, tasks: timing, versions } = connection;
  const view = inventory.view();
  return {
    view,
    promised: view ? ledger.besides(uid, view) : NOTHING,
    nodeSelector,
    defaults,
    timing,
    releases: versions?.releases,
  };
}

const NOTHING = { memory: new Map<string, number>(), space: new Map<string, number>() };

const withAnswer = (
  facts: RawFacts,
  { templates, bridges, missingVolumes, ...answer }: Partial<RawFacts>,
): RawFacts => ({
  ...facts,
  ...answer,
  templates: new Map([...facts.templates, ...(templates ?? [])]),
  bridges: new Map([...facts.bridges, ...(bridges ?? [])]),
  missingVolumes: new Map([...facts.missingVolumes, ...(missingVolumes ?? [])]),
});
