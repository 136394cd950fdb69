/** Every kind that the operator acts on. Another kind is a folder with a `kind.ts` and a line here. */
import { providerKind, type ProviderKindPorts } from './provider/kind.ts';
import type { KindModule, KindName, Objects, UsagePorts } from './shared/objects/kind-module.ts';
import { virtualMachineKind, type VirtualMachineKindPorts } from './virtualmachine/kind.ts';
import { vmClassKind } from './vmclass/kind.ts';
import { vmCloneKind } from './vmclone/kind.ts';
import type { VMClonePorts } from './vmclone/ports.ts';
import type { VMSnapshotPorts } from './vmsnapshot/controller.ts';
import { vmImageKind, type VMImageKindPorts } from './vmimage/kind.ts';
import { vmPlacementPolicyKind } from './vmplacementpolicy/kind.ts';
import { vmSnapshotKind } from './vmsnapshot/kind.ts';
import { vmSnapshotScheduleKind, type VMSnapshotScheduleKindPorts } from './vmsnapshotschedule/kind.ts';

/** What the controllers together are made from. */
export type ControllerPorts = ProviderKindPorts &
  VirtualMachineKindPorts &
  VMImageKindPorts &
  VMSnapshotPorts &
  VMSnapshotScheduleKindPorts &
  VMClonePorts &
  UsagePorts;

export const REGISTRY: { readonly [K in KindName]: KindModule<Objects[K], ControllerPorts> } = {
  Provider: providerKind,
  VirtualMachine: virtualMachineKind,
  VMClass: vmClassKind,
  VMImage: vmImageKind,
  VMSnapshot: vmSnapshotKind,
  VMSnapshotSchedule: vmSnapshotScheduleKind,
  VMClone: vmCloneKind,
  VMPlacementPolicy: vmPlacementPolicyKind,
};

export const KIND_NAMES: readonly KindName[] = [
  'Provider',
  'VirtualMachine',
  'VMClass',
  'VMImage',
  'VMSnapshot',
  'VMSnapshotSchedule',
  'VMClone',
  'VMPlacementPolicy',
];
