/** The public API of the Proxmox VE client. */
export type { Access, Permissions, Version } from './access.ts';
export type { AgentInterfaces, Execution } from './agent.ts';
export { CredentialsError, type Credentials } from './auth.ts';
export type { Cluster, ClusterStatus, GuestRow, ListedTask, ResourceRow } from './cluster.ts';
export type { ClusterIdentity } from './cluster-identity.ts';
export { normaliseEndpoint } from './endpoint-url.ts';
export {
  FEATURES,
  type CallOptions,
  type Feature,
  type Need,
  type Send,
  type StreamedFile,
} from './endpoint.ts';
export { PveError } from './errors.ts';
export type { Tls } from './exchange.ts';
export { normaliseFingerprint } from './fingerprint.ts';
export { createInventory, type ChangeKind, type Inventory } from './inventory.ts';
export { grantCommands, grantMissingCommands, quoted, type Grantee } from './grants.ts';
export { ENDPOINTS, missingPrivileges, neededPrivileges, printNeed } from './permissions.ts';
export {
  parseBootOrder,
  parseDisk,
  parseNic,
  parseProperties,
  parseVolumeId,
  printProperties,
  property,
  withProperty,
  type Property,
  type PropertyString,
} from './property-string.ts';
export { createNodeVersions, type NodeVersions } from './node-versions.ts';
export { OPTION_LIFETIMES } from './option-versions.ts';
export type { HaRule, HaRuleSettings } from './ha.ts';
export { refusalIn, type Refusal } from './refusals.ts';
export { pve, type Pve } from './pve.ts';
export type { MigrationPreconditions } from './qemu-endpoints.ts';
export type { Qemu } from './qemu.ts';
export { SNAPSHOT_NAME, type SnapshotList, type SnapshotRow } from './snapshots.ts';
export type { Volume } from './storage.ts';
export type { Task, TaskState } from './tasks.ts';
export { certificatesIn, type PeerCertificate } from './peer-certificate.ts';
export { createTransport, type RequestAttempt, type Transport, type TransportOptions } from './transport.ts';
export { parseUpid, type TaskName } from './upid.ts';
export {
  compareVersions,
  fitCall,
  fitParams,
  isAliveIn,
  printLifetime,
  type Unsupported,
} from './versions.ts';
export type { ActiveTask, GuestView, NodeView, StorageView, View } from './view.ts';
export { parseSize, printSize } from './wire.ts';
