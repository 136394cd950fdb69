/** VirtualMachine, for the registry. */
import type { VirtualMachine } from '../../src/api/index.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { virtualMachineController, type VirtualMachinePorts } from './controller.ts';
import { createAdmissions, withdrawingUnused } from './resolve/admissions.ts';
import { exclusiveValues } from './networks/addresses-in-use.ts';

export type VirtualMachineKindPorts = Omit<
  VirtualMachinePorts,
  'vmsOfClass' | 'vmsOfProvider' | 'admissions'
> &
  UsagePorts;

export const virtualMachineKind: KindModule<VirtualMachine, VirtualMachineKindPorts> = {
  controller(ports) {
    const admissions = createAdmissions(ports.now);
    const controller = virtualMachineController({
      ...ports,
      vmsOfClass: ports.usersOfKind('VMClass'),
      vmsOfProvider: ports.usersOfKind('Provider'),
      admissions,
    });
    return withdrawingUnused(controller, admissions);
  },
  // Passes mostly wait for Proxmox VE; requests to it have limits of their own. The VMs of one namespace get a quarter.
  workers: 256,
  // Whoever brings a server answers for it: however many Providers, they share what their namespace gets.
  groups: ({ metadata: { namespace }, spec: { providerRef } }) => [
    providerRef.namespace ?? namespace,
    providerRef.name,
    namespace,
  ],
  follows: {
    // A VM that waits for an address follows the VM that has it.
    // So does one that is to be its copy.
    VirtualMachine: ({ key, object }, { addressed, clonesOf }) => [
      ...exclusiveValues(object)
        .flatMap(addressed)
        .filter((other) => other !== key),
      ...clonesOf(`VirtualMachine ${key}`),
    ],
    // A guest is left alone while a snapshot is taken, deleted or reverted to.
    VMSnapshot: ({ key, object: { metadata, spec } }, { clonesOf }) => [
      ...(spec.vmRef ? [`${metadata.namespace}/${spec.vmRef.name}`] : []),
      ...clonesOf(`VMSnapshot ${key}`),
    ],
  },
};
