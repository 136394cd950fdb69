/**
 * The version of PVE on each node. While a cluster is upgraded its nodes differ, and a node checks the parameters of
 * the calls that it gets by its own version.
 */
import { minutes, type Millis, type NodeName } from '../lib/units.ts';
import type { Version } from './access.ts';
import { PveError } from './errors.ts';
import type { Pve } from './pve.ts';

export interface NodeVersions {
  /** Of the node that answers at the endpoint; absent: not read yet. */
  readonly answering: Version | undefined;
  /** Releases such as `8.4` by node, as far as they are known. */
  readonly releases: ReadonlyMap<NodeName, string>;
  /**
   * Reads what is not known, and from time to time all: PVE does not report an upgrade.
   * @throws PveError if the version at the endpoint is not known and cannot be read
   */
  refresh(nodes: readonly KnownNode[], signal: AbortSignal): Promise<void>;
}

interface KnownNode {
  readonly name: NodeName;
  readonly online: boolean;
}

const AGAIN = minutes(5);
/** A node that does not answer is not asked in each pass. */
const RETRY = minutes(1);

interface Options {
  readonly pve: Pick<Pve, 'version' | 'node'>;
  /** Epoch ms. */
  readonly now: () => number;
}

export function createNodeVersions({ pve, now }: Options): NodeVersions {
  let answering: Version | undefined;
  let answeredAt = -Infinity;
  const releases = new Map<NodeName, string>();
  const asked = new Map<NodeName, number>();

  const isDue = (node: NodeName): boolean => {
    const every: Millis = releases.has(node) ? AGAIN : RETRY;
    return now() - (asked.get(node) ?? -Infinity) >= every;
  };

  async function askNode(node: NodeName, signal: AbortSignal): Promise<void> {
    asked.set(node, now());
    try {
      const { release } = await pve.node(node).version({ signal });
      releases.set(node, release);
    } catch (error) {
      signal.throwIfAborted();
      // What was known of it stays. An answer that is missing is reported by what needs the node.
      if (!(error instanceof PveError)) throw error;
    }
  }

  async function askEndpoint(signal: AbortSignal): Promise<void> {
    if (now() - answeredAt < AGAIN) return;
    try {
      answering = await pve.version({ signal });
      answeredAt = now();
    } catch (error) {
      if (answering === undefined || !(error instanceof PveError)) throw error;
    }
  }

  return {
    get answering() {
      return answering;
    },
    releases,
    async refresh(nodes, signal) {
      await askEndpoint(signal);
      for (const known of releases.keys())
        if (!nodes.some(({ name }) => name === known)) releases.delete(known);
      const [only] = nodes;
      if (nodes.length === 1 && only && answering) {
        releases.set(only.name, answering.release);
        return;
      }
      const due = nodes.filter(({ name, online }) => online && isDue(name));
      await Promise.all(due.map(({ name }) => askNode(name, signal)));
    },
  };
}
