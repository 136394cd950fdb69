/** The spec of the VirtualMachine that a VMClone makes: that of its source without what only one VM can have. Pure. */
import {
  VirtualMachine as kind,
  type VirtualMachine,
  type VirtualMachineSpec,
  type VirtualMachineSpecInput,
} from '../../src/api/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import { delivered, type Delivered } from './delivered.ts';
import { lifecycleWritten, startupWritten, windowWritten } from './encode.ts';
import { copiedDisks, isRetainedByAdoption, leftOut, withoutAddresses } from './left-out.ts';
import type { Derivation, Refusal } from './model.ts';
import { seenFrom } from './seen-from.ts';

export type Derived =
  | {
      readonly ok: true;
      readonly spec: VirtualMachineSpecInput;
      /** What the source has and the copy does not get, for people. */
      readonly leftOut: readonly string[];
    }
  | Refusal;

export function derive(derivation: Derivation): Derived {
  const data = delivered(derivation);
  if (!data.ok) return data;
  const { source, target, from, namespace } = derivation;
  const home = source.vm.metadata.namespace;
  const spec: VirtualMachineSpecInput = {
    providerRef: seenFrom(namespace, source.vm.spec.providerRef, home),
    classRef: target.classRef
      ? seenFrom(namespace, target.classRef, from)
      : seenFrom(namespace, source.vm.spec.classRef, home),
    ...omitUndefined(others(derivation, data)),
  };
  const problem = problemOf(spec);
  return problem === undefined
    ? { ok: true, spec, leftOut: [...leftOut(source.vm, target, namespace), ...data.leftOut] }
    : {
        ok: false,
        reason: 'TargetInvalid',
        final: true,
        message: `spec.target does not go with the spec of VirtualMachine ${home}/${source.vm.metadata.name}: ${problem}. Correct spec.target.`,
      };
}

/** Every other field, so that what becomes of a new one has to be decided here. */
type Others = {
  readonly [Field in Exclude<keyof VirtualMachineSpec, 'providerRef' | 'classRef'>]-?:
    VirtualMachineSpecInput[Field] | undefined;
};

function others({ source, target, namespace }: Derivation, { fields: data }: Delivered): Others {
  const { spec } = source.vm;
  const { startup, maintenanceWindow, lifecycle, placement } = spec;
  return {
    cloneFrom: source.cloneFrom,
    // How the source came to be, and what only one VM can have.
    imageRef: undefined,
    adopt: undefined,
    vmid: undefined,
    // It protects the guest of the source.
    protection: undefined,
    ...data,
    powerState: target.powerState,
    tags: target.tags ?? spec.tags,
    networks: target.networks ?? spec.networks?.map(withoutAddresses),
    disks: copiedDisks(source.vm),
    // Proxmox VE copies the drives and the boot order; an entry would get another drive.
    cdroms: undefined,
    boot: undefined,
    // A name of one VM.
    guestName: undefined,
    ...resolverOf(spec, data),
    guestAgent: spec.guestAgent,
    devices: spec.devices,
    // The node is chosen as for any new VM.
    placement: placement?.pool === undefined ? undefined : { pool: placement.pool },
    placementRef: policyOf(source.vm, target, namespace),
    // With ObserveOnly or Paused it would not be made.
    managementPolicy: spec.managementPolicy === 'CreateOnly' ? spec.managementPolicy : undefined,
    deletionPolicy: isRetainedByAdoption(spec) ? undefined : spec.deletionPolicy,
    description: spec.description,
    driftPolicy: spec.driftPolicy,
    rebootPolicy: spec.rebootPolicy,
    maintenanceWindow: maintenanceWindow && windowWritten(maintenanceWindow),
    startup: startup && startupWritten(startup),
    onBoot: spec.onBoot,
    lifecycle: lifecycle && lifecycleWritten(lifecycle),
  };
}

/** A policy is named in the namespace of the VM. */
const policyOf = (
  { metadata, spec }: VirtualMachine,
  { placementRef }: Derivation['target'],
  namespace: string,
): Others['placementRef'] =>
  placementRef ?? (metadata.namespace === namespace ? spec.placementRef : undefined);

/** Own network data has name servers of its own. */
const resolverOf = (
  { dns, searchDomain }: VirtualMachineSpec,
  { networkData }: Delivered['fields'],
): Pick<Others, 'dns' | 'searchDomain'> =>
  networkData === undefined ? { dns, searchDomain } : { dns: undefined, searchDomain: undefined };

/** Why the API server would refuse it; `undefined`: it would not. */
function problemOf(spec: VirtualMachineSpecInput): string | undefined {
  const [issue] = kind.spec.safeParse(spec).error?.issues ?? [];
  return issue && `${['spec', ...issue.path.map(String)].join('.')} ${issue.message}`;
}
