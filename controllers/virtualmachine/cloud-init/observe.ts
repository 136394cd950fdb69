/** How this guest gets its cloud-init data, with what was read about its snippet and its image. Pure. */
import { planCloudInit } from './plan.ts';
import { snippetNotFound } from './snippets.ts';
import { isNew } from '../config/is-new.ts';
import type { Resolver } from '../../../src/cloudinit/index.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { CloudInitPlan, WithCloudInit } from '../model/cloud-init.ts';
import type { Surroundings } from '../model/surroundings.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';

interface CloudInitFacts {
  readonly surroundings: Pick<Surroundings, 'storages' | 'isoStorage' | 'release'>;
  /** Volumes that the guest's node does not have, of those that were looked for. */
  readonly missingVolumes: readonly string[] | undefined;
  /** Volumes on the storage of the image. */
  readonly images: readonly string[] | undefined;
  readonly resolver: Resolver | undefined;
  readonly digest: Digest;
}

export function cloudInitOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  { surroundings, missingVolumes = [], images = [], resolver, digest }: CloudInitFacts,
): CloudInitPlan {
  const planned = planCloudInit(vm, want, guest, { digest, resolver, ...surroundings });
  const { snippet } = want.cloudInit;
  if (snippet !== undefined && (isNew(vm, guest) || planned.renews === true))
    return missingVolumes.includes(snippet)
      ? { ...planned, problem: snippetNotFound(guest.node, snippet) }
      : planned;
  const { seed } = planned;
  // Only what is named in our status can have been uploaded.
  return seed?.recorded ? { ...planned, seed: { ...seed, uploaded: images.includes(seed.volume) } } : planned;
}
