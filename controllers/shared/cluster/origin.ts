/**
 * In which PVE cluster a VM has its VMID. A Provider that is deleted and created again may lead to another cluster, where
 * the same number is somebody else's, and where the absence of the guest proves nothing. Pure.
 */
import { FORCE_DELETE, type VirtualMachine, type VirtualMachineInternal } from '../../../src/api/index.ts';
import type { ClusterIdentity } from '../../../src/pve/index.ts';
import { mayBeIn, printIdentity } from './identity.ts';
import type { Unresolved } from '../objects/unresolved.ts';

export type Origin = NonNullable<VirtualMachineInternal['provider']>;

interface Way {
  /** Of the Provider; absent: it is gone, and this is a connection for deletions. */
  readonly uid: string | undefined;
  readonly identity: ClusterIdentity;
}

/**
 * Why the VM is not acted upon. As long as the Provider is the same object its own record decides, which the owner may
 * correct.
 */
export function inOtherCluster(vm: VirtualMachine, { uid, identity }: Way): Unresolved | undefined {
  const { namespace, name } = vm.metadata;
  const { vmid, internal: { provider: origin } = {} } = vm.status ?? {};
  if (vmid === undefined || !origin || origin.uid === uid || mayBeIn(origin.clusterID, identity))
    return undefined;
  return {
    ok: false,
    reason: 'ClusterChanged',
    message:
      `The Provider was created again since VM ${vmid} was recorded here, and is connected to another Proxmox VE cluster, so nothing is done there and VM ${vmid} is not released. Correct the endpoint of the Provider. ` +
      `If it is the same cluster under a new name or address: kubectl patch vm ${name} -n ${namespace} --subresource=status --type=json -p '[{"op":"remove","path":"/status/internal/provider"}]' ` +
      `To delete the object and leave VM ${vmid} as it is, set the annotation ${FORCE_DELETE}: "true".`,
  };
}

/** What status is to say. It stays as it is while nodes join and leave, so that this is not written for every VM. */
export function originOf({ status }: VirtualMachine, { uid, identity }: Way): Origin | undefined {
  const before = status?.internal?.provider;
  if (uid === undefined || (before?.uid === uid && mayBeIn(before.clusterID, identity))) return before;
  return { uid, clusterID: printIdentity(identity) };
}
