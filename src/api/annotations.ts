/**
 * What users may tell the operator by annotation: each with its form, for the admission policy (which refuses every
 * other one of ours, as it would do nothing) and the docs.
 */

/** The prefix of our annotations; finalizers and the API group have the longer one. */
export const ANNOTATION_PREFIX = 'virtrigaud.io/';

export interface Annotation {
  readonly name: string;
  readonly on: readonly string[];
  /** Anchored and within RE2. */
  readonly pattern: RegExp;
  /** Completes "<annotation>: …". */
  readonly message: string;
  readonly meaning: string;
}

const truth = { pattern: /^(true|false)$/, message: 'must be "true" or "false"' };

export const ANNOTATIONS: readonly Annotation[] = [
  {
    name: `${ANNOTATION_PREFIX}allow-from`,
    on: ['Provider', 'VMClass', 'VMImage', 'VirtualMachine'],
    pattern: /^ *(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?) *(, *(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?) *)*$/,
    message: 'must be * or names of namespaces separated by commas, for example team-a,team-b',
    meaning: 'Namespaces whose objects may refer to this one; * means all.',
  },
  {
    name: `${ANNOTATION_PREFIX}allow-duplicate-addresses`,
    on: ['VirtualMachine'],
    ...truth,
    meaning: 'Another VM of the same Proxmox VE cluster may have the same address or MAC.',
  },
  {
    name: `${ANNOTATION_PREFIX}adopt-vms`,
    on: ['Provider'],
    ...truth,
    meaning:
      'status.discovered lists the VMs in Proxmox VE that no VirtualMachine has. Nothing is adopted by it.',
  },
  {
    name: `${ANNOTATION_PREFIX}adopt-filter`,
    on: ['Provider'],
    pattern: /^\s*\{(.|\n)*\}\s*$/,
    message: 'must be JSON, for example {"namePattern": "web-*", "powerState": "On", "minCPU": 2}',
    meaning:
      'Which VMs are listed: namePattern (with * and ?), powerState (On or Off), minCPU, maxCPU, minMemoryMiB, maxMemoryMiB.',
  },
  {
    name: `${ANNOTATION_PREFIX}dry-run`,
    on: ['VirtualMachine'],
    ...truth,
    meaning:
      'Nothing is changed in Proxmox VE; status.plan says what would be done. It holds a deletion, too.',
  },
  {
    name: `${ANNOTATION_PREFIX}restartedAt`,
    on: ['VirtualMachine'],
    pattern:
      /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/,
    message: 'must be a time, for example 2026-03-01T12:00:00Z',
    meaning:
      'Restarts the VM once, whatever its rebootPolicy. A time acts only if it is later than all before it and not older than 24 hours when it is first seen; otherwise it is recorded and nothing happens.',
  },
  {
    name: `${ANNOTATION_PREFIX}beside-other-clusters`,
    on: ['VirtualMachine'],
    ...truth,
    meaning: 'Guests of other Kubernetes clusters with the same namespace and name are none of its concern.',
  },
  {
    name: `${ANNOTATION_PREFIX}force-delete`,
    on: ['VirtualMachine'],
    ...truth,
    meaning:
      'The object, once it is being deleted, goes at once: Proxmox VE is not asked, and what it has made stays there.',
  },
];
