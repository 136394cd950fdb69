/** Reasons of conditions, events and metrics that more than one file uses. */
import type { Reason } from '../../../src/api/index.ts';

export const Reasons = {
  reconciled: 'Reconciled',
  providerNotFound: 'ProviderNotFound',
  providerNotReady: 'ProviderNotReady',
  providerUnreachable: 'ProviderUnreachable',
  classNotFound: 'ClassNotFound',
  policyNotFound: 'PolicyNotFound',
  imageNotFound: 'ImageNotFound',
  wrongImageType: 'WrongImageType',
  vmNotFound: 'VMNotFound',
  snapshotNotFound: 'SnapshotNotFound',
  secretNotFound: 'SecretNotFound',
  secretKeyNotFound: 'SecretKeyNotFound',
  cloudInitQueued: 'CloudInitQueued',
  namespaceNotWatched: 'NamespaceNotWatched',
  notAllowed: 'ReferenceNotAllowed',
  missingPrivilege: 'MissingPrivilege',
  missingPrivileges: 'MissingPrivileges',
  authenticationFailed: 'AuthenticationFailed',
  unreachable: 'Unreachable',
  excessive: 'AnswerTooLarge',
  noQuorum: 'NoQuorum',
  locked: 'Locked',
  refused: 'RefusedByProxmox',
} as const satisfies Readonly<Record<string, Reason>>;
