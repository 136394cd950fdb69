/** Uploads the cloud-init image to its storage, and deletes it. */
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import { driveWith } from '../../shared/guests/disks.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import type { StepTouching } from '../steps/step-info.ts';
import { DONE, type PerformContext, startedTask } from './context.ts';
import { seconds } from '../../../src/lib/units.ts';
import { parseVolumeId, PveError, type CallOptions, type Qemu } from '../../../src/pve/index.ts';
import { waiting } from '../../../src/runtime/outcome.ts';

export async function changeSeed(step: StepTouching<'image'>, context: PerformContext): Promise<Started> {
  const { resolved, guest, seedBytes, options } = context;
  if (step.do === 'deleteSeed') return deleteSeed(step, context);
  if (!guest) return DONE;
  const { storage, filename } = step.seed;
  const upid = await resolved.connection.pve
    .node(guest.node)
    .storage(storage)
    .upload({ content: 'iso', filename, bytes: seedBytes() }, options);
  return startedTask(step, upid);
}

/** It counts as deleted only when its storage no longer lists it: a task may fail, and the storage of another node may have the same name. */
async function deleteSeed(
  step: Extract<Step, { do: 'deleteSeed' }>,
  { resolved, guest, seedNode, options }: PerformContext,
): Promise<Started> {
  const { volume } = step;
  const { pve, inventory } = resolved.connection;
  const keptBy =
    guest && step.replaced !== true
      ? await snapshotWith(volume, pve.node(guest.node).qemu(guest.vmid), options)
      : undefined;
  if (keptBy !== undefined) return { kind: 'seedKept', snapshot: keptBy };
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
  return startedTask(step, await storage.deleteVolume(volume, options));
}

/** So many snapshots are read; where there are more the next one counts as having it. */
const MAX_SNAPSHOTS_READ = 128;

/**
 * A snapshot of the guest whose configuration contains the image, whoever took it. PVE starts no guest whose image is
 * missing (qemu-server, activate_volumes), and a rollback to a snapshot with memory starts it at once.
 */
async function snapshotWith(volume: string, qemu: Qemu, options: CallOptions): Promise<string | undefined> {
  const { snapshots } = await qemu.snapshots.list(options);
  for (const [at, { name }] of snapshots.entries())
    if (at >= MAX_SNAPSHOTS_READ || (await contains(volume, name, { qemu, options }))) return name;
  return undefined;
}

async function contains(
  volume: string,
  snapshot: string,
  { qemu, options }: { readonly qemu: Qemu; readonly options: CallOptions },
): Promise<boolean> {
  try {
    const { values } = await qemu.config({ ...options, snapshot });
    return driveWith(values, volume) !== undefined;
  } catch (error) {
    if (error instanceof PveError && error.absent === 'snapshot') return false;
    throw error;
  }
}

const storageUnavailable = (volume: string, name: string): ExpectedError =>
  new ExpectedError(
    waiting(
      'StorageUnavailable',
      `The cloud-init image ${volume} cannot be deleted, because storage ${name} is not available. Make the storage available again, or remove it from Proxmox VE.`,
      seconds(15),
    ),
  );
