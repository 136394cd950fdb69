/** All that the rest of the program sees of the Proxmox VE client. */
export type { Access, Permissions, Version } from './access.ts';
export type { Agent, AgentInterfaces, Execution, GuestInterface } from './agent.ts';
export { CredentialsError, type Credentials } from './auth.ts';
export type {
  Cluster,
  ClusterStatus,
  FreeVmid,
  GuestRow,
  ListedTask,
  NodeRow,
  ResourceRow,
  StorageRow,
} from './cluster.ts';
export type { ClusterIdentity } from './cluster-identity.ts';
export { normaliseEndpoint, type NormalisedEndpoint } from './endpoint-url.ts';
export { FEATURES, type CallOptions, type Feature, type Need, type Send } from './endpoint.ts';
export { PveError } from './errors.ts';
export type { Tls } from './exchange.ts';
export { normaliseFingerprint } from './fingerprint.ts';
export {
  createInventory,
  type ChangeKind,
  type ChangeListener,
  type Inventory,
  type InventoryOptions,
  type TaskEndedListener,
} from './inventory.ts';
export type { NetworkInterface, Node, NodeStatus, NodeStorage } from './node.ts';
export { grantCommands, mendCommands, type Grantee } from './grants.ts';
export { ENDPOINTS, missingPrivileges, neededPrivileges, printNeed, type Scope } from './permissions.ts';
export {
  parseBootOrder,
  parseDisk,
  parseNic,
  parseProperties,
  parseVolumeId,
  printProperties,
  property,
  withProperty,
  type Disk,
  type Nic,
  type Property,
  type PropertyString,
  type VolumeId,
} from './property-string.ts';
export type { MissingPrivilege, ObjectKind, Refusal } from './prose.ts';
export { pve, type Pve } from './pve.ts';
export type { Movability, PendingOption, QemuConfig, QemuStatus } from './qemu-endpoints.ts';
export type { CloneRequest, MigrateRequest, Qemu } from './qemu.ts';
export type { IsoUpload, Storage, Volume } from './storage.ts';
export type { Task, TaskState } from './tasks.ts';
export type { PeerCertificate } from './peer-certificate.ts';
export { createTransport, type RequestSeen, type Transport, type TransportOptions } from './transport.ts';
export { parseUpid, type TaskName } from './upid.ts';
export type { ActiveTask, GuestView, NodeView, StorageView, View } from './view.ts';
export { decodeSshKeys, encodeSshKeys, parseSize, printSize } from './wire.ts';
