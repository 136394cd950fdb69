/** A change of a VirtualMachine by hand, with what may keep it from having an effect. */
import { DRY_RUN } from '../api/annotations.ts';
import { kindOf } from './cluster/kinds.ts';
import type { At, Cluster } from './cluster/cluster.ts';
import { isReady, isSeen, textAt, type Stored } from './cluster/objects.ts';
import { printChanged, warn } from './changed.ts';
import type { Call } from './command.ts';
import { undoneBy } from './gitops.ts';
import { notYet, waitFor, type Progress } from './waiting.ts';

export const VM_KIND = kindOf('VirtualMachine');

export interface Change {
  readonly patch: object;
  /** Of the field that it changes, for a tool that may undo it. */
  readonly path: readonly string[];
  /** What has happened: `started`. */
  readonly done: string;
  /** With `--wait`: whether it has come about. */
  readonly hasHappened: (vm: Stored) => boolean;
}

export async function changeVm(
  call: Call,
  cluster: Cluster,
  name: string,
  change: (vm: Stored) => Change,
): Promise<void> {
  const at: At = { namespace: cluster.namespace, name };
  const { patch, path, done, hasHappened } = change(await cluster.get(VM_KIND, at));
  const changed = await cluster.patch(VM_KIND, at, patch);
  for (const warning of [undoneBy(changed, path), withoutEffect(changed)])
    if (warning !== undefined) warn(call, warning);
  if (call.flags.is('wait')) await untilVm(call, cluster, at, hasHappened);
  printChanged(call, VM_KIND, changed, done);
}

/** Waits until the VM is Ready as it is now, and so. */
export const untilVm = (
  call: Call,
  cluster: Cluster,
  at: At,
  hasHappened: (vm: Stored) => boolean,
): Promise<Stored> =>
  waitFor(call, `virtualmachines/${at.name}`, async (): Promise<Progress> => {
    const vm = await cluster.get(VM_KIND, at);
    if (isSeen(vm) && isReady(vm) && hasHappened(vm)) return { state: 'done', object: vm };
    return isReady(vm) ? { state: 'waiting', for: 'The operator has not acted on it yet.' } : notYet(vm);
  });

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
