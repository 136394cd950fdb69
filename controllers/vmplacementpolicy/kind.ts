/** VMPlacementPolicy, for the registry. */
import type { VMPlacementPolicy } from '../../src/api/index.ts';
import { withInUseProtection, type UsersOf } from '../shared/objects/in-use.ts';
import type { KindModule, UsagePorts } from '../shared/objects/kind-module.ts';
import { policyReference, type PolicyReaders } from '../shared/placement/policies.ts';
import { withHaRules, type HaRulePorts } from './ha-rules/keep.ts';
import { vmPlacementPolicyController, type VMPlacementPolicyPorts } from './controller.ts';

export type VMPlacementPolicyKindPorts = Omit<VMPlacementPolicyPorts & HaRulePorts, 'policyUsers'> &
  UsagePorts;

export const vmPlacementPolicyKind: KindModule<VMPlacementPolicy, VMPlacementPolicyKindPorts> = {
  controller(ports) {
    const policyUsers = policyUsersOf(ports);
    const reporting = withInUseProtection(
      'VMPlacementPolicy',
      vmPlacementPolicyController({ ...ports, policyUsers }),
      policyUsers,
      // Those of other namespaces do not name it: their Provider does.
      () => true,
    );
    return withHaRules(reporting, { ...ports, policyUsers });
  },
  usage: { reference: ({ spec }) => spec.placementRef, passWhen: 'usersChange' },
  // Those whose Providers name it do not refer to it themselves.
  follows: {
    Provider: ({ object: { metadata, spec } }) =>
      spec.defaults?.placementRef ? [`${metadata.namespace}/${spec.defaults.placementRef.name}`] : [],
  },
};

/** VMs that name it, and VMs that name none and whose Provider names it. */
const policyUsersOf =
  ({ usersOfKind, providers }: UsagePorts & Pick<PolicyReaders, 'providers'>): UsersOf =>
  (namespace, name) => {
    const own = usersOfKind('VMPlacementPolicy')(namespace, name);
    const naming = providers
      .list()
      .filter(
        ({ metadata, spec }) =>
          metadata.namespace === namespace && spec.defaults?.placementRef?.name === name,
      );
    const usual = naming
      .flatMap(({ metadata }) => usersOfKind('Provider')(metadata.namespace, metadata.name))
      .filter((vm) => {
        const reference = vm.spec.placementRef ? undefined : policyReference(vm, { providers });
        return reference?.namespace === namespace && reference.name === name;
      });
    return [...own, ...usual];
  };
