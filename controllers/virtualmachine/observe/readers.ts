/** The readers that remember their answers for a while, for all objects of the process. */
import { createResolverReader, type ReadResolver } from '../cloud-init/node-resolver.ts';
import { createBridgeReader, type ReadBridges } from '../networks/bridges.ts';
import { createTemplateReader, type ReadTemplate } from '../placement/templates.ts';

export interface Readers {
  readonly readTemplate: ReadTemplate;
  readonly readBridges: ReadBridges;
  readonly readResolver: ReadResolver;
}

export const createReaders = (now: () => number): Readers => ({
  readTemplate: createTemplateReader(now),
  readBridges: createBridgeReader(now),
  readResolver: createResolverReader(now),
});
