/**
 * The annotations that users may set: each with its form, for the admission policy (which refuses every
 * other one of ours, as it would do nothing) and the docs.
 */

/** The prefix of our annotations; finalizers and the API group have the longer one. */
export const ANNOTATION_PREFIX = 'virtrigaud.io/';

export const ALLOW_FROM = `${ANNOTATION_PREFIX}allow-from`;
export const ALLOW_DUPLICATES = `${ANNOTATION_PREFIX}allow-duplicate-addresses`;
export const ADOPT_VMS = `${ANNOTATION_PREFIX}adopt-vms`;
export const ADOPT_FILTER = `${ANNOTATION_PREFIX}adopt-filter`;
export const DRY_RUN = `${ANNOTATION_PREFIX}dry-run`;
export const RESTARTED_AT = `${ANNOTATION_PREFIX}restartedAt`;
export const BESIDE_OTHERS = `${ANNOTATION_PREFIX}beside-other-clusters`;
export const FORCE_DELETE = `${ANNOTATION_PREFIX}force-delete`;
export const APPLY_AFTER_REVERT = `${ANNOTATION_PREFIX}apply-after-revert`;
/** On a Provider: releases the deletions of VMs that are not later. */
export const CONFIRM_DELETIONS = `${ANNOTATION_PREFIX}confirm-deletions`;
export const KEEP = `${ANNOTATION_PREFIX}keep`;
/** On a CRD, the Namespace or the ConfigMap of the operator: the admission policy lets it be deleted. */
export const CONFIRM_DELETION = `${ANNOTATION_PREFIX}confirm-deletion`;

export interface Annotation {
  readonly name: string;
  readonly on: readonly string[];
  /** Anchored and within RE2. */
  readonly pattern: RegExp;
  /** Completes "<annotation>: …". */
  readonly message: string;
  readonly meaning: string;
}

const TIME =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const truth = { pattern: /^(true|false)$/, message: 'must be "true" or "false"' };

export const ANNOTATIONS: readonly Annotation[] = [
  {
    name: ALLOW_FROM,
    on: ['Provider', 'VMClass', 'VMImage', 'VirtualMachine', 'VMSnapshot'],
    pattern: /^ *(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?) *(, *(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?) *)*$/,
    message: 'must be * or names of namespaces separated by commas, for example team-a,team-b',
    meaning: 'Namespaces whose objects may refer to this one; * means all.',
  },
  {
    name: ALLOW_DUPLICATES,
    on: ['VirtualMachine'],
    ...truth,
    meaning: 'Another VM of the same Proxmox VE cluster may have the same address or MAC.',
  },
  {
    name: ADOPT_VMS,
    on: ['Provider'],
    ...truth,
    meaning: 'status.discovered lists the VMs in Proxmox VE that no VirtualMachine manages. None is adopted.',
  },
  {
    name: ADOPT_FILTER,
    on: ['Provider'],
    pattern: /^\s*\{(.|\n)*\}\s*$/,
    message: 'must be JSON, for example {"namePattern": "web-*", "powerState": "On", "minCPU": 2}',
    meaning:
      'Which VMs are listed: namePattern (with * and ?), powerState (On or Off), minCPU, maxCPU, minMemoryMiB, maxMemoryMiB.',
  },
  {
    name: CONFIRM_DELETIONS,
    on: ['Provider'],
    pattern: TIME,
    message: 'must be a time, for example 2026-03-01T12:00:00Z',
    meaning:
      'With deletionProtection: confirms the deletions of VMs that were requested at this time or before. A time in the future confirms nothing.',
  },
  {
    name: DRY_RUN,
    on: ['VirtualMachine'],
    ...truth,
    meaning:
      'Nothing is changed in Proxmox VE; status.plan says what would be done. It holds a deletion, too.',
  },
  {
    name: RESTARTED_AT,
    on: ['VirtualMachine'],
    pattern: TIME,
    message: 'must be a time, for example 2026-03-01T12:00:00Z',
    meaning:
      'Restarts the VM once, regardless of its rebootPolicy. A time acts only if it is later than all before it and not older than 24 hours when it is first seen; otherwise it is recorded and nothing happens.',
  },
  {
    name: BESIDE_OTHERS,
    on: ['VirtualMachine'],
    ...truth,
    meaning: 'Guests of other Kubernetes clusters with the same namespace and name are ignored.',
  },
  {
    name: FORCE_DELETE,
    on: ['VirtualMachine', 'VMImage'],
    ...truth,
    meaning:
      'A deletion of the object completes at once: no request is sent to Proxmox VE, and everything that was created there for the object stays.',
  },
  {
    name: APPLY_AFTER_REVERT,
    on: ['VirtualMachine'],
    pattern: TIME,
    message: 'must be the requestedAt of the revert, for example 2026-03-01T12:00:00Z',
    meaning:
      'After a revert to a snapshot the restored state stays until the spec is edited. With the requestedAt of that revert the spec is applied as it is.',
  },
  {
    name: KEEP,
    on: ['VMSnapshot'],
    ...truth,
    meaning: 'The retention of its VMSnapshotSchedule never deletes it.',
  },
];
