/** One step → one request to PVE. Whatever a request begins is reported by the caller, in the same pass. */
import { PveError, type CallOptions, type Qemu } from '../../src/pve/index.ts';
import { seconds, type NodeName, type Upid, type Vmid } from '../../src/lib/units.ts';
import { stalled, waiting } from '../../src/runtime/outcome.ts';
import type { Connection } from '../shared/connections.ts';
import { Trouble } from '../shared/trouble.ts';
import { describeGuest } from '../shared/owner-mark.ts';
import { parseVolumeId } from '../../src/pve/index.ts';
import { isAboutTags } from './config/asides.ts';
import { allocates } from './config/change.ts';
import { isDiskStep } from './disks/steps.ts';
import { changeDisk } from './disks/perform.ts';
import type { GuestMemory } from './memory.ts';
import { runHook } from './guest-agent/hooks.ts';
import type { Aside } from './config/model.ts';
import type { Guest } from './model/guest.ts';
import type { Step } from './model/plan.ts';
import { roomFor } from './placement/relocation.ts';
import type { Started } from './report.ts';
import type { Wish } from './resolve.ts';

export interface PerformContext {
  readonly wish: Wish;
  readonly memory: GuestMemory;
  /** The guest of this pass, with our mark as observed in this very pass. */
  readonly guest: Guest | undefined;
  /** Node that the cloud-init image was uploaded to. */
  readonly seedNode: NodeName | undefined;
  /** Bytes of the cloud-init image, built only when it is uploaded. */
  readonly seedBytes: () => Uint8Array;
  /** Of the object. */
  readonly generation: number;
  /** Epoch ms. */
  readonly now: number;
  readonly options: CallOptions;
}

const DONE: Started = { kind: 'done' };

const begun = (type: string, upid: Upid | undefined): Started =>
  upid === undefined ? DONE : { kind: 'task', type, upid };

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  switch (step.do) {
    case 'reserve':
    case 'releaseClaim':
    case 'choose':
    case 'noteSeed':
    case 'noteWish':
    case 'noteRestart':
    case 'noteTags':
    case 'noteDisks':
    case 'noteHook':
      return note(step, context);
    case 'clone':
      return clone(step, context);
    case 'uploadSeed':
    case 'deleteSeed':
      return moveSeed(step, context);
    case 'adopt':
    case 'migrate':
    case 'attachDisk':
    case 'growDisk':
    case 'moveDisk':
    case 'detachDisk':
    case 'destroyDisk':
    case 'configure':
    case 'start':
    case 'stop':
    case 'shutdown':
    case 'destroy':
    case 'runHook':
      return change(step, context);
    default:
      return step satisfies never;
  }
}

type NoteStep = Extract<
  Step,
  {
    do:
      | 'reserve'
      | 'releaseClaim'
      | 'choose'
      | 'noteSeed'
      | 'noteWish'
      | 'noteRestart'
      | 'noteTags'
      | 'noteDisks'
      | 'noteHook';
  }
>;

async function note(
  step: NoteStep,
  { wish, memory, guest, generation, now }: PerformContext,
): Promise<Started> {
  const { connection } = wish;
  switch (step.do) {
    case 'reserve': {
      if (step.vmid !== undefined) return { kind: 'claim', vmid: step.vmid };
      if (step.fixed !== undefined) connection.vmids.hold(step.fixed);
      const vmid = step.fixed ?? (await freeVmid(connection));
      memory.clone = 'unsent';
      memory.calm = true;
      return { kind: 'claim', vmid };
    }
    case 'releaseClaim':
      connection.vmids.release(step.vmid);
      connection.ledger.release(wish.owner.uid);
      connection.turns.end(wish.owner.uid);
      delete memory.clone;
      return { kind: 'claimReleased' };
    case 'noteSeed':
      return { kind: 'seedNoted', volume: step.volume, node: guest?.node };
    case 'choose':
    case 'noteWish':
    case 'noteRestart':
    case 'noteDisks':
      return DONE;
    case 'noteTags':
      return { kind: 'tagsNoted', tags: step.tags };
    case 'noteHook':
      return { kind: 'hook', hook: { name: step.hook, state: 'Due', since: now, generation } };
    default:
      return step satisfies never;
  }
}

async function freeVmid(connection: Connection): Promise<Vmid> {
  const { inventory, vmids, pve, defaults } = connection;
  const view = inventory.view();
  const vmid = view && (await vmids.reserve(pve, view, defaults.vmIdRange));
  if (vmid === undefined) throw noFreeVmid(connection);
  return vmid;
}

const noFreeVmid = ({ defaults: { vmIdRange } }: Connection): Trouble =>
  new Trouble(
    waiting(
      'NoFreeVmid',
      vmIdRange
        ? `No VMID from ${vmIdRange.start} to ${vmIdRange.end} is free: widen spec.defaults.vmIdRange of the Provider.`
        : 'Proxmox VE has no free VMID left: widen next-id in the options of its datacenter.',
      seconds(30),
    ),
  );

async function clone(step: Extract<Step, { do: 'clone' }>, context: PerformContext): Promise<Started> {
  const { wish, memory, options } = context;
  const { creation, vmid, name, owner } = step;
  // Until there is an answer, the request may be under way; for how long counts from when the waiting for it is over.
  delete memory.clone;
  delete memory.unknownSince;
  try {
    const upid = await wish.connection.pve
      .node(creation.templateNode)
      .qemu(creation.template)
      .clone(
        {
          newid: vmid,
          name,
          description: describeGuest(owner),
          full: creation.full,
          ...(creation.node !== creation.templateNode && !creation.moves && { target: creation.node }),
          ...(creation.storage !== undefined && { storage: creation.storage }),
          ...(wish.pool !== undefined && { pool: wish.pool }),
        },
        options,
      );
    wish.connection.turns.begun(owner.uid, upid);
    return { kind: 'task', type: 'qmclone', upid };
  } catch (error) {
    rememberRefusal(error, context);
    throw poolMissing(error, wish.pool) ?? error;
  }
}

/** PVE says this as it says that a privilege is missing. */
const poolMissing = (error: unknown, pool: string | undefined): Trouble | undefined =>
  pool !== undefined && error instanceof PveError && error.said.includes(`pool '${pool}' does not exist`)
    ? new Trouble(
        stalled(
          'PoolNotFound',
          `Proxmox VE has no pool "${pool}", so the VM is not created. Make it on a node with: pvesh create /pools --poolid ${pool}`,
          seconds(30),
        ),
      )
    : undefined;

/** A refusal leaves nothing behind; only a lost answer leaves doubt. */
function rememberRefusal(error: unknown, { memory, wish }: PerformContext): void {
  if (!(error instanceof PveError)) return;
  if (error.refusal === 'unknownOutcome' || error.refusal === 'unknown') return;
  // The number is taken: whose guest that is must be looked at.
  memory.clone = error.refusal === 'exists' ? 'ended' : 'unsent';
  wish.connection.turns.end(wish.owner.uid);
}

type SeedStep = Extract<Step, { do: 'uploadSeed' | 'deleteSeed' }>;

async function moveSeed(step: SeedStep, context: PerformContext): Promise<Started> {
  const { wish, guest, seedBytes, options } = context;
  if (step.do === 'deleteSeed') return deleteSeed(step.volume, context);
  if (!guest) return DONE;
  const { storage, filename } = step.seed;
  const upid = await wish.connection.pve
    .node(guest.node)
    .storage(storage)
    .upload({ content: 'iso', filename, bytes: seedBytes() }, options);
  return { kind: 'task', type: 'imgcopy', upid };
}

/** Believed gone only when its storage no longer lists it: a task may fail, and the storage of another node may have the same name. */
async function deleteSeed(volume: string, { wish, seedNode, options }: PerformContext): Promise<Started> {
  const { pve, inventory } = wish.connection;
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
  return begun('imgdel', await storage.deleteVolume(volume, options));
}

const storageUnavailable = (volume: string, name: string): Trouble =>
  new Trouble(
    waiting(
      'StorageUnavailable',
      `The cloud-init image ${volume} cannot be deleted while its storage is not available: bring storage ${name} back, or remove it from Proxmox VE.`,
      seconds(15),
    ),
  );

type ChangeStep = Exclude<Step, NoteStep | SeedStep | { do: 'clone' }>;

async function change(
  step: ChangeStep,
  { wish, guest, memory, generation, now, options }: PerformContext,
): Promise<Started> {
  if (!guest) return DONE;
  const qemu: Qemu = wish.connection.pve.node(guest.node).qemu(guest.vmid);
  if (isDiskStep(step)) {
    const { type, upid } = await changeDisk(step, qemu, options);
    return begun(type, upid);
  }
  switch (step.do) {
    case 'adopt':
      await qemu.setConfigNow({ description: step.description }, { digest: step.digest }, options);
      return DONE;
    case 'migrate': {
      const { to, targetStorage, online, withLocalDisks } = step.move;
      if (step.move.asked) promiseRoom(wish, guest, to);
      return begun(
        'qmigrate',
        await qemu.migrate({ target: to, targetStorage, online, withLocalDisks }, options),
      );
    }
    case 'configure':
      return configure(qemu, step, { isOff: !guest.running, options });
    case 'start':
      return begun('qmstart', await qemu.start(options));
    case 'stop':
      return begun('qmstop', await qemu.stop(options));
    case 'shutdown':
      // PVE itself stops the guest when the time is over: that survives a restart of ours.
      return begun(
        'qmshutdown',
        await answered(memory, () =>
          qemu.shutdown({ timeout: seconds(step.graceSeconds), forceStop: true }, options),
        ),
      );
    case 'runHook':
      return { kind: 'hook', hook: await runHook(step, { qemu, generation, now, options }) };
    case 'destroy':
      return begun('qmdestroy', await qemu.destroy({ purge: true }, options));
    default:
      return step satisfies never;
  }
}

function promiseRoom({ connection, owner, shape }: Wish, guest: Guest, to: NodeName): void {
  const view = connection.inventory.view();
  const memory = guest.running ? (shape?.memory ?? 0) : 0;
  if (view) connection.ledger.promise(owner.uid, roomFor(guest, to, { view, memory }));
}

/** Until there is an answer the request may arrive late, and stop a guest that was started again since. */
async function answered<T>(memory: GuestMemory, ask: () => Promise<T>): Promise<T> {
  memory.shutdown = 'unanswered';
  delete memory.shutdownSince;
  try {
    const answer = await ask();
    delete memory.shutdown;
    return answer;
  } catch (error) {
    const refused =
      error instanceof PveError && error.refusal !== 'unknownOutcome' && error.refusal !== 'unknown';
    if (refused) delete memory.shutdown;
    throw error;
  }
}

/** Those that came with the clone, and shall go. */
const TEMPLATE_TAGS: Aside = { key: 'tags', value: undefined };

async function configure(
  qemu: Qemu,
  { change: keys, digest, aside }: Extract<Step, { do: 'configure' }>,
  { isOff, options }: { readonly isOff: boolean; readonly options: CallOptions },
): Promise<Started> {
  try {
    const write = { digest, delete: keys.delete };
    // Of a guest that is off it is a file that is written; to make a volume, or to unplug a device, may take longer than
    // the 30 s that a request may take.
    const isShort = aside !== undefined || keys.ejects === true || (isOff && !allocates(keys));
    if (!isShort) return begun('qmconfig', await qemu.setConfig(keys.set, write, options));
    await qemu.setConfigNow(keys.set, write, options);
    return DONE;
  } catch (error) {
    if (!(error instanceof PveError) || error.refusal !== 'forbidden') throw error;
    const refused = aside ?? (isAboutTags(error.said) ? TEMPLATE_TAGS : undefined);
    if (refused) return { kind: 'refused', aside: refused, said: error.said };
    throw error;
  }
}
