/** The cloud-init image goes to its storage, and goes away again. */
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { DONE, type PerformContext, startedTask } from './context.ts';
import { seconds } from '../../../src/lib/units.ts';
import { parseVolumeId } from '../../../src/pve/index.ts';
import { waiting } from '../../../src/runtime/outcome.ts';

export type SeedStep = Extract<Step, { do: 'uploadSeed' | 'deleteSeed' }>;

export async function moveSeed(step: SeedStep, context: PerformContext): Promise<Started> {
  const { resolved, guest, seedBytes, options } = context;
  if (step.do === 'deleteSeed') return deleteSeed(step.volume, context);
  if (!guest) return DONE;
  const { storage, filename } = step.seed;
  const upid = await resolved.connection.pve
    .node(guest.node)
    .storage(storage)
    .upload({ content: 'iso', filename, bytes: seedBytes() }, options);
  return { kind: 'task', type: 'imgcopy', upid };
}

/** Believed gone only when its storage no longer lists it: a task may fail, and the storage of another node may have the same name. */
async function deleteSeed(volume: string, { resolved, seedNode, options }: PerformContext): Promise<Started> {
  const { pve, inventory } = resolved.connection;
  const name = parseVolumeId(volume)?.storage;
  const known = inventory.view()?.storages.filter(({ storage }) => storage === name) ?? [];
  const holders = known.some(({ shared }) => shared) ? known : known.filter(({ node }) => node === seedNode);
  // A storage or node that was removed from the cluster took the image with it.
  if (name === undefined || holders.length === 0) return { kind: 'seedDeleted' };
  const holder = holders.find(({ status }) => status === 'available');
  if (!holder) throw storageUnavailable(volume, name);
  const storage = pve.node(holder.node).storage(name);
  const volumes = await storage.content('iso', options);
  if (!volumes.some(({ volid }) => volid === volume)) return { kind: 'seedDeleted' };
  return startedTask('imgdel', await storage.deleteVolume(volume, options));
}

const storageUnavailable = (volume: string, name: string): ExpectedError =>
  new ExpectedError(
    waiting(
      'StorageUnavailable',
      `The cloud-init image ${volume} cannot be deleted while its storage is not available: bring storage ${name} back, or remove it from Proxmox VE.`,
      seconds(15),
    ),
  );
