/** VMClone: creates one VirtualMachine out of another, and reports what becomes of it. It asks nothing of Proxmox VE. */
import type { VMClone, VMCloneStatus } from '../../src/api/index.ts';
import type { Controller } from '../../src/runtime/controller.ts';
import { copyOf } from './copies.ts';
import { derive } from './derive.ts';
import type { Place, Refusal } from './model.ts';
import { newVM } from './new-vm.ts';
import type { VMClonePorts } from './ports.ts';
import {
  announced,
  copyDeleted,
  copyNotWatched,
  copyReport,
  inDoubt,
  nothingDone,
  refused,
} from './report.ts';
import { classProblem, resolveSource } from './resolve.ts';
import { nameTaken, notAllowedInto, targetOf } from './target.ts';

/** No finalizer: nothing outside Kubernetes depends on it, and its VirtualMachine outlives it. */
export const vmCloneController = (ports: VMClonePorts): Controller<VMClone, VMCloneStatus> => ({
  name: 'vmclone',
  async reconcile(clone, pass) {
    const copy = copyOf(clone, ports);
    if (copy) return copyReport(clone, copy);
    if (clone.status?.targetUID !== undefined) return copyUnseen(clone, ports);
    const target = targetOf(clone);
    const plan = planFor(clone, target, ports);
    if (!plan.ok) return refused(clone, plan);
    if (!isAnnounced(clone, target)) return announced(clone, target);
    if (!isSame(clone, await pass.reread())) return nothingDone;
    await ports.vmWriter.create(plan.vm);
    const made = copyOf(clone, ports);
    return made ? copyReport(clone, made, plan.leftOut) : inDoubt(clone, target);
  },
});

function copyUnseen(clone: VMClone, { vms }: VMClonePorts): ReturnType<typeof copyDeleted> {
  const { targetRef } = clone.status ?? {};
  return targetRef && vms.covers?.(targetRef.namespace) === false
    ? copyNotWatched(clone, targetRef)
    : copyDeleted(clone);
}

type Plan =
  | {
      readonly ok: true;
      readonly vm: ReturnType<typeof newVM>;
      readonly leftOut: readonly string[];
    }
  | Refusal;

function planFor(clone: VMClone, target: Place, ports: VMClonePorts): Plan {
  const from = clone.metadata.namespace;
  const refusal =
    notAllowedInto(target, from, ports) ??
    nameTaken(clone, target, ports) ??
    classProblem(clone, target.namespace, ports);
  if (refusal) return refusal;
  const resolved = resolveSource(clone, target.namespace, ports);
  if (!resolved.ok) return resolved;
  const { source } = resolved;
  const { namespace } = target;
  const derived = derive({ source, target: clone.spec.target ?? {}, from, namespace });
  if (!derived.ok) return derived;
  return { ok: true, vm: newVM(clone, target, source, derived.spec), leftOut: derived.leftOut };
}

/** An edit is announced again, so that status always says from which generation the copy is made. */
const isAnnounced = ({ metadata, status }: VMClone, { namespace, name }: Place): boolean =>
  status?.targetRef?.namespace === namespace &&
  status.targetRef.name === name &&
  status.targetGeneration === metadata.generation;

const isSame = ({ metadata }: VMClone, live: VMClone | undefined): boolean =>
  live?.metadata.generation === metadata.generation && live.metadata.deletionTimestamp === undefined;
