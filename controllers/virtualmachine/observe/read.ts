/** Puts one question to Proxmox VE. Reads only, and decides nothing. */
import {
  PveError,
  type CallOptions,
  type Execution,
  type MigrationPreconditions,
} from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { withNames } from '../../shared/cluster/linked-clones.ts';
import { locate } from '../../shared/cluster/locate.ts';
import type { MarkedGuest } from '../../shared/guests/marks.ts';
import { isSameOwner, type OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import { readSource } from '../placement/source-reader.ts';
import { missingVolumes } from './missing-volumes.ts';
import type { RawFacts, Read } from './raw-facts.ts';
import type { Readers } from './readers.ts';

export interface ReadContext extends Readers {
  readonly connection: Connection;
  readonly vm: VirtualMachine;
  readonly spec: PlainSpec;
  readonly options: CallOptions;
}

const LAST_LINES = 200;

type Ask<R extends Read['read']> = Extract<Read, { read: R }>;

/** The fact that answers the question. */
export async function read(question: Read, context: ReadContext): Promise<Partial<RawFacts>> {
  const { connection, readTemplate, readBridges, readResolver, options } = context;
  const { pve, inventory } = connection;
  switch (question.read) {
    case 'task':
      return { task: await pve.node(question.node).task(question.upid).status(options) };
    case 'taskLog':
      return { taskLog: await taskLog(question, context) };
    case 'presence':
    case 'presenceAgain':
    case 'candidate': {
      const { read: name, vmid, hint } = question;
      return { [name]: await locate(connection, vmid, hint, options) };
    }
    case 'template': {
      const template = await readTemplate(connection, question.vmid, options);
      return template ? { templates: new Map([[template.vmid, template]]) } : {};
    }
    case 'source':
      return { source: await readSource(connection, question, options) };
    case 'bridges': {
      const bridges = await readBridges(connection, question.node, options);
      return { bridges: new Map([[question.node, bridges]]) };
    }
    case 'missingVolumes':
      return { missingVolumes: new Map([[question.node, await missingVolumes(question, context)]]) };
    case 'activeTasks':
      return { activeTasks: (await inventory.refresh(options.signal)).activeTasks };
    case 'vmidIsFree':
      return { vmidIsFree: await isFree(question, context) };
    case 'namesakes':
      return { namesakes: await namesakes(question, context) };
    case 'execution':
      return { execution: await execution(question, context) };
    case 'images': {
      const volumes = await pve.node(question.node).storage(question.storage).content('iso', options);
      return { images: volumes.map(({ volid }) => volid) };
    }
    case 'resolver':
      return { resolver: await readResolver(connection, question.guest, options) };
    case 'snapshots':
      return { snapshots: await snapshotsOf(question, context) };
    case 'linkedClones':
      return { linkedClones: await linkedClonesOf(question, context) };
    case 'movability':
      return { migrationPreconditions: await migrationPreconditions(question, context) };
    default:
      return question satisfies never;
  }
}

/** The list of guests is a few seconds old. Where it disagrees it is read again, so that what is said of the guest holds. */
async function isFree(
  { vmid }: Ask<'vmidIsFree'>,
  { connection: { pve, inventory }, options }: ReadContext,
): Promise<boolean> {
  const { free } = await pve.cluster.nextid(vmid, options);
  if (free === inventory.view()?.guests.has(vmid)) await inventory.refresh(options.signal);
  return free;
}

/** A log that cannot be read blocks nothing. */
async function taskLog(
  { node, upid }: Ask<'task' | 'taskLog'>,
  { connection: { pve }, options }: ReadContext,
): Promise<readonly string[]> {
  try {
    return await pve.node(node).task(upid).log(LAST_LINES, options);
  } catch (error) {
    if (error instanceof PveError) return [];
    throw error;
  }
}

/** A guest just created for a former object is not in a list that was read before this object was known. */
async function namesakes(
  { refresh }: Ask<'namesakes'>,
  { connection: { inventory, marks }, spec, options }: ReadContext,
): Promise<readonly MarkedGuest[]> {
  const known = refresh ? undefined : inventory.view();
  const view = known ?? (await inventory.refresh(options.signal));
  const { owner, besideOthers } = spec;
  const is = (guest: MarkedGuest): boolean => isNamesake(guest, owner, besideOthers);
  const wanted = { name: owner.name, is };
  const found = await marks.find(view, wanted, options);
  // One is taken only if no other has turned up since the list was read.
  return found.length === 0 || refresh
    ? found
    : marks.find(await inventory.refresh(options.signal), wanted, options);
}

/** A template is made to be cloned: that of an earlier object keeps nobody from creating a VM. */
const isNamesake = ({ mark, template }: MarkedGuest, owner: OwnerMark, besideOthers: boolean): boolean =>
  mark.namespace === owner.namespace &&
  mark.name === owner.name &&
  !(besideOthers && mark.cluster !== owner.cluster) &&
  !(template && !isSameOwner(mark, owner));

/** Whatever PVE answers, a hook never fails the pass. */
async function execution(
  { guest: { node, vmid }, pid }: Ask<'execution'>,
  { connection: { pve }, options }: ReadContext,
): Promise<Execution> {
  try {
    return await pve.node(node).qemu(vmid).agent.execution(pid, options);
  } catch (error) {
    if (error instanceof PveError && error.refusal === 'forbidden') return { state: 'lost' };
    throw error;
  }
}

/** What Proxmox VE refuses to say of snapshots keeps nothing else from being done. What it did not answer is asked again. */
async function snapshotsOf(
  { guest: { node, vmid } }: Ask<'snapshots'>,
  { connection: { pve }, options }: ReadContext,
): Promise<NonNullable<RawFacts['snapshots']>> {
  try {
    return (await pve.node(node).qemu(vmid).snapshots.list(options)).snapshots;
  } catch (error) {
    if (error instanceof PveError && error.refusal !== 'unavailable') return 'unread';
    throw error;
  }
}

/** One that was seen a moment ago is reason enough to wait; that there is none has to be so now. */
async function linkedClonesOf(
  { guest }: Ask<'linkedClones'>,
  { vm, connection, linkedClones, vmsIn, options }: ReadContext,
): Promise<NonNullable<RawFacts['linkedClones']>> {
  const at = { connection, guest, snapshot: undefined };
  const known = linkedClones.known(at);
  return withNames(known.length > 0 ? known : await linkedClones.read(at, options), vm, vmsIn);
}

async function migrationPreconditions(
  { guest: { node, vmid }, host }: Ask<'movability'>,
  { connection: { pve }, options }: ReadContext,
): Promise<MigrationPreconditions | string> {
  try {
    return await pve.node(node).qemu(vmid).migrationPreconditions(host, options);
  } catch (error) {
    if (error instanceof PveError && (error.refusal === 'forbidden' || error.refusal === 'invalid'))
      return error.message.replace(/\.$/, '');
    throw error;
  }
}
