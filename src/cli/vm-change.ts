/** Changes of VirtualMachines by hand, with what may keep them from having an effect. */
import { DRY_RUN } from '../api/annotations.ts';
import { kindOf } from './cluster/kinds.ts';
import type { At, Cluster } from './cluster/cluster.ts';
import { conditionOf, isReady, textAt, type Stored } from './cluster/objects.ts';
import { printChanged, warn } from './changed.ts';
import type { Call } from './command.ts';
import { faultText } from './failure.ts';
import { undoneBy } from './gitops.ts';
import { notYet, waitFor, type Progress } from './waiting.ts';

export const VM_KIND = kindOf('VirtualMachine');

export interface Said {
  /** Without `--wait`: nothing has happened yet. */
  readonly requested: string;
  /** With `--wait`: `started`. */
  readonly done: string;
}

export interface Change {
  readonly patch: object;
  /** Of the field that it changes, for a tool that may undo it. */
  readonly path: readonly string[];
  readonly said: Said;
  /** Ready says that the operator has acted on it, or that it will not. */
  readonly settles?: boolean;
  /** With `--wait`: whether it has come about. */
  readonly hasHappened: (vm: Stored) => boolean;
}

/**
 * Changes every VM, then waits for each, so that they change at the same time. A VM that cannot be changed does not keep
 * the others from it, as with kubectl.
 * @returns the exit code
 */
export async function changeVms(
  call: Call,
  names: readonly string[],
  change: (vm: Stored) => Change,
): Promise<number> {
  const cluster = await call.cluster();
  const changed: Changed[] = [];
  const failed = [
    ...(await failures(call, names, async (name) => {
      changed.push(await patch(call, cluster, { namespace: cluster.namespace, name }, change));
    })),
    ...(await failures(call, changed, async ({ at, object, made }) => {
      if (call.flags.is('wait')) await untilVm(call, cluster, { at, made });
      printChanged(call, VM_KIND, object, sentenceOf(call, made));
    })),
  ];
  return failed.length > 0 ? 1 : 0;
}

interface Changed {
  readonly at: At;
  readonly object: Stored;
  readonly made: Change;
}

const isUnchanged = ({ patch }: Change): boolean => Object.keys(patch).length === 0;

const sentenceOf = ({ flags }: Call, made: Change): string =>
  `${flags.is('wait') ? made.said.done : made.said.requested}${isUnchanged(made) ? ' (no change)' : ''}`;

async function patch(call: Call, cluster: Cluster, at: At, change: (vm: Stored) => Change): Promise<Changed> {
  const before = await cluster.get(VM_KIND, at);
  const made = change(before);
  const object = await cluster.patch(VM_KIND, at, made.patch);
  const undone = isUnchanged(made) ? undefined : undoneBy(before, made.path);
  for (const warning of [undone, withoutEffect(object)]) if (warning !== undefined) warn(call, warning);
  return { at, object, made };
}

/** Those of which the work fails; each is reported. */
async function failures<T>(
  { terminal }: Call,
  all: readonly T[],
  work: (each: T) => Promise<void>,
): Promise<readonly T[]> {
  const failed: T[] = [];
  for (const each of all) {
    try {
      await work(each);
    } catch (error) {
      if (terminal.interrupted.aborted) throw error;
      terminal.err(`${faultText(error)}\n`);
      failed.push(each);
    }
  }
  return failed;
}

/** Waits until the VM is Ready as it is now, and so. */
const untilVm = (call: Call, cluster: Cluster, { at, made }: Pick<Changed, 'at' | 'made'>): Promise<Stored> =>
  waitFor(call, `virtualmachines/${at.name}`, async () => progressOf(await cluster.get(VM_KIND, at), made));

function progressOf(vm: Stored, { hasHappened, settles = false }: Change): Progress {
  if (!isReady(vm)) return notYet(vm);
  if (hasHappened(vm)) return { state: 'done', object: vm };
  const synced = conditionOf(vm, 'Synced');
  const isWorking = conditionOf(vm, 'Reconciling')?.status === 'True';
  if (settles && !isWorking && synced?.status === 'False')
    return { state: 'failed', why: synced.message ?? 'The operator does not act on it.' };
  return { state: 'waiting', for: 'The operator has not acted on it yet.' };
}

/** Why the operator will not act on a change; `undefined`: nothing speaks against it. */
export function withoutEffect(vm: Stored): string | undefined {
  const { name, annotations, deletionTimestamp } = vm.metadata;
  if (deletionTimestamp !== undefined) return `${name} is being deleted: the change has no effect.`;
  const policy = textAt(vm, 'spec.managementPolicy') ?? 'Full';
  if (policy !== 'Full')
    return `managementPolicy of ${name} is ${policy}: the operator does not change the VM in Proxmox VE.`;
  if (annotations?.[DRY_RUN] === 'true')
    return `${name} has the annotation ${DRY_RUN}: the operator only plans the change. See kubectl vm plan ${name}.`;
  return undefined;
}
