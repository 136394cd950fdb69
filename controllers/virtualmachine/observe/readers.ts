/** What is read for an observation beside the guest. Readers remember their answers for a while, for all objects of the process. */
import type { LinkedClones } from '../../shared/cluster/linked-clones.ts';
import { createResolverReader, type ReadResolver } from '../cloud-init/node-resolver.ts';
import { createBridgeReader, type ReadBridges } from '../networks/bridges.ts';
import { createPolicyLimits, type PolicyPorts, type ReadPolicyLimits } from '../placement/policy.ts';
import { createTemplateReader, type ReadTemplate } from '../placement/templates.ts';

export interface Readers {
  readonly readTemplate: ReadTemplate;
  readonly readBridges: ReadBridges;
  readonly readResolver: ReadResolver;
  readonly linkedClones: LinkedClones;
  readonly vmsIn: PolicyPorts['vmsIn'];
  /** What placement policies say at the moment. */
  readonly policyLimits: ReadPolicyLimits;
}

export interface ReaderPorts extends PolicyPorts {
  /** VMSnapshots read the same lists. */
  readonly linkedClones: LinkedClones;
  /** Epoch ms. */
  readonly now: () => number;
}

export const createReaders = (ports: ReaderPorts): Readers => ({
  readTemplate: createTemplateReader(ports.now),
  readBridges: createBridgeReader(ports.now),
  readResolver: createResolverReader(ports.now),
  linkedClones: ports.linkedClones,
  vmsIn: ports.vmsIn,
  policyLimits: createPolicyLimits(ports),
});
