/** What is delivered to the guest of a copy: user data and SSH keys of its source, or those of the target. Pure. */
import type { VirtualMachine, VirtualMachineSpec, VirtualMachineSpecInput } from '../../src/api/index.ts';
import type { Derivation, Refusal } from './model.ts';

type UserData = NonNullable<VirtualMachineSpec['userData']>;

export interface Delivered {
  readonly ok: true;
  readonly fields: {
    readonly [Field in 'userData' | 'metaData' | 'networkData' | 'sshKeysSecretRef']:
      VirtualMachineSpecInput[Field] | undefined;
  };
  readonly leftOut: readonly string[];
}

/** Meta-data may have the instance-id of the source, network data its addresses: neither is taken over. */
export function delivered(derivation: Derivation): Delivered | Refusal {
  const { source, target, namespace } = derivation;
  const { userData, metaData, networkData, sshKeysSecretRef } = source.vm.spec;
  const keys = target.userData && excludesKeys(target.userData) ? undefined : sshKeysSecretRef;
  const given = target.sshKeysSecretRef ?? keys;
  const secrets = foreignSecrets(derivation, keys);
  if (secrets.length > 0) return secretsElsewhere(secrets, source.vm, namespace);
  const lost = { metaData: metaData && !target.metaData, networkData: networkData && !target.networkData };
  return {
    ok: true,
    fields: {
      userData: target.userData ?? userData,
      metaData: target.metaData,
      networkData: target.networkData,
      sshKeysSecretRef: given,
    },
    leftOut: Object.entries({ ...lost, sshKeysSecretRef: sshKeysSecretRef && !given }).flatMap(
      ([field, isLost]) => (isLost === true ? [field] : []),
    ),
  };
}

/** Fields whose Secrets the copy could not read. */
function foreignSecrets(
  { source: { vm }, target, namespace }: Derivation,
  keys: VirtualMachineSpec['sshKeysSecretRef'],
): readonly string[] {
  if (vm.metadata.namespace === namespace) return [];
  return [
    ...(target.userData === undefined && readsSecret(vm.spec.userData) ? ['userData'] : []),
    ...(target.sshKeysSecretRef === undefined && keys !== undefined ? ['sshKeysSecretRef'] : []),
  ];
}

/** As the API refuses them together. */
const excludesKeys = ({ cloudInit, ignition }: UserData): boolean =>
  ignition !== undefined || cloudInit?.snippet !== undefined;

const readsSecret = (data: UserData | undefined): boolean =>
  data?.cloudInit?.secretRef !== undefined || data?.ignition?.secretRef !== undefined;

const secretsElsewhere = (
  fields: readonly string[],
  { metadata }: Pick<VirtualMachine, 'metadata'>,
  namespace: string,
): Refusal => ({
  ok: false,
  reason: 'TargetInvalid',
  final: true,
  message: `${fields.map((field) => `spec.${field}`).join(' and ')} of VirtualMachine ${metadata.namespace}/${metadata.name} ${fields.length === 1 ? 'names a Secret' : 'name Secrets'} of its namespace, which a VirtualMachine in namespace ${namespace} cannot read. Set ${fields.map((field) => `spec.target.${field}`).join(' and ')}.`,
});
