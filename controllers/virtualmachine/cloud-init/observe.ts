/** How this guest gets its cloud-init data, and whether what it needs for that is there. Reads only. */
import { type CloudInitPlan, type WithCloudInit, planCloudInit } from './plan.ts';
import { snippetProblem } from './snippets.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { InContext } from '../observe/context.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';

export async function cloudInitOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  { resolved: { connection }, context: { options, digest } }: InContext,
): Promise<CloudInitPlan> {
  const view = connection.inventory.view();
  const planned = planCloudInit(vm, want, guest, {
    digest,
    isoStorage: connection.defaults.isoStorage,
    storages: view?.storages ?? [],
  });
  const { snippet } = want.cloudInit;
  if (snippet !== undefined && (isNew(vm, guest) || planned.renews === true)) {
    const problem = await snippetProblem(connection, { node: guest.node, snippet }, options);
    return problem ? { ...planned, problem } : planned;
  }
  const { seed } = planned;
  // Only what is named in our status can have been uploaded.
  if (!seed?.noted) return planned;
  const volumes = await connection.pve.node(guest.node).storage(seed.storage).content('iso', options);
  return { ...planned, seed: { ...seed, uploaded: volumes.some(({ volid }) => volid === seed.volume) } };
}
