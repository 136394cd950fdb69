/** The file network-config: which version says what the guest needs. */
import { remembering } from '../lib/memo.ts';
import type { Result } from '../lib/result.ts';
import type { CloudInitNic, Resolver } from './input.ts';
import { configuredNics, needsOnLink } from './network.ts';
import { networkConfigV1 } from './network-v1.ts';
import { networkConfigV2 } from './network-v2.ts';

interface Options {
  readonly resolver: Resolver;
  /** The guest reads no other version. */
  readonly onlyV1: boolean;
}

/** Returns the file; `undefined` without NICs. */
export const networkConfig = (nics: readonly CloudInitNic[], options: Options): Result<string | undefined> =>
  written({ nics, ...options });

/** Every pass over a VM compares its image with what the guest has, and its networks seldom change. */
const written = remembering(write, JSON.stringify);

function write({
  nics,
  resolver,
  onlyV1,
}: Options & { readonly nics: readonly CloudInitNic[] }): Result<string | undefined> {
  const configured = configuredNics(nics);
  if (configured.length === 0) return { value: undefined };
  const unknown = configured.find(({ mac }) => mac === undefined);
  if (unknown)
    return {
      problem: `The MAC address of ${unknown.device} is not known yet. Its addresses are assigned once it is known.`,
    };
  const print = !onlyV1 && configured.some(needsOnLink) ? networkConfigV2 : networkConfigV1;
  return { value: print(configured, resolver) };
}
