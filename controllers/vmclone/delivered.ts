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
export function delivered({ source: { vm }, target, namespace }: Derivation): Delivered | Refusal {
  const { spec, metadata } = vm;
  const keys = target.userData && excludesKeys(target.userData) ? undefined : spec.sshKeysSecretRef;
  const isElsewhere = metadata.namespace !== namespace;
  const secrets = [
    ...(target.userData === undefined && readsSecret(spec.userData) ? ['userData'] : []),
    ...(target.sshKeysSecretRef === undefined && keys !== undefined ? ['sshKeysSecretRef'] : []),
  ];
  if (isElsewhere && secrets.length > 0) return secretsElsewhere(secrets, vm, namespace);
  return {
    ok: true,
    fields: {
      userData: target.userData ?? spec.userData,
      metaData: target.metaData,
      networkData: target.networkData,
      sshKeysSecretRef: target.sshKeysSecretRef ?? keys,
    },
    leftOut: [
      ...(spec.metaData && !target.metaData ? ['metaData'] : []),
      ...(spec.networkData && !target.networkData ? ['networkData'] : []),
      ...(spec.sshKeysSecretRef && !keys && !target.sshKeysSecretRef ? ['sshKeysSecretRef'] : []),
    ],
  };
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
