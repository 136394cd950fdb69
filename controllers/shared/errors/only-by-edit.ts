/**
 * One rule for what keeps a VM from being made. Ends it only with an edit, of the object or of what it refers to, then the
 * VM is Failed and Stalled. Where something does not exist yet, is not free yet or does not answer, it is Pending. Pure.
 */
import type { Reason } from '../../../src/api/index.ts';

/** docs/runbook.md has the same list. */
const ONLY_BY_EDIT: ReadonlySet<Reason> = new Set<Reason>([
  'AmbiguousIdentity',
  'BelongsToFormerObject',
  'CloneNotPossible',
  'CloudInitInvalid',
  'CloudInitTypeUnsupported',
  'ClusterChanged',
  'HostNameInvalid',
  'IgnitionInvalid',
  'InvalidSpec',
  'MaintenanceWindowInvalid',
  'NamespaceNotWatched',
  'NetworkUnknown',
  'NotAdoptable',
  'NotGranted',
  'SnapshotMissing',
  'StorageRequired',
  'TemplateAmbiguous',
  'UuidMismatch',
  'WrongImageType',
]);

export const endsOnlyByEdit = (reason: Reason): boolean => ONLY_BY_EDIT.has(reason);
