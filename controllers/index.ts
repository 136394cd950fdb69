/** What programs use of the controllers. */
export { createConnectionPool, type ConnectionPool, type ConnectionPoolOptions } from './provider/pool.ts';
export { providerController } from './provider/controller.ts';
export {
  consequencesOf,
  granteeOf,
  missingPrivilegesOf,
  namesOf,
  type MissingPrivileges,
} from './provider/missing-privileges.ts';
export { COPY_LABELS } from './provider/credential-copy.ts';
export { createCredentialCopies, type CredentialCopies } from './provider/credential-copies.ts';
export { createFinishingConnections, type FinishingConnections } from './provider/finishing.ts';
export { gatherLayers } from './provider/layers.ts';
export { createPrivilegeWatch } from './provider/privileges.ts';
export type { Layer } from './provider/credentials.ts';
export { connectionOf, resolveSettings, type Settings } from './provider/settings.ts';
export { createLinkedClones } from './shared/cluster/linked-clones.ts';
export { createForceDeleted, forceDeletedIn, type ForceDeleted } from './shared/cluster/force-deleted.ts';
export { hasSelector, NO_NAMESPACES, type Namespaces } from './shared/grants/namespaces.ts';
export type { ConnectedCluster } from './shared/cluster/shared-state.ts';
export { keptEvidence, provesOtherCluster } from './shared/cluster/evidence.ts';
export { mayBeIn } from './shared/cluster/identity.ts';
export { outcomeOf } from './shared/errors/outcome-of.ts';
export { cloneSources } from './virtualmachine/resolve/clone-from.ts';
export { exclusiveValues } from './virtualmachine/networks/addresses-in-use.ts';
export { virtualMachineController } from './virtualmachine/controller.ts';
export { DRIFT_TICK, driftScan } from './virtualmachine/observe/drift-scan.ts';
export { bridgeNamed } from './virtualmachine/networks/nics.ts';
export { createProcessStates, type ProcessStates } from './virtualmachine/model/process-state.ts';
export { createDeletionLog } from './shared/limits/deletion-protection.ts';
export { createRestartSlots } from './shared/limits/restarts.ts';
export { concernsOf, isCrossing } from './vmclone/concerns.ts';
export { looksAcross } from './shared/placement/scope.ts';
export type { NamespaceAnnotations } from './vmclone/ports.ts';
export { isFinished } from './vmsnapshotschedule/snapshots.ts';
export { createRequests as createSnapshotRequests } from './vmsnapshot/model/requests.ts';
export { createTrees as createSnapshotTrees, SNAPSHOT_SCAN_TICK } from './vmsnapshot/observe/trees.ts';
export { KIND_NAMES, REGISTRY, type ControllerPorts } from './registry.ts';
export type { KindName, Lookup, Objects, Usage } from './shared/objects/kind-module.ts';
export type { Reference } from './shared/objects/references.ts';
