/**
 * Writes the permissions of the operator: what it does to our kinds, everywhere or in single namespaces, and what it
 * keeps in its own namespace.
 */
import { GROUP } from '../../src/api/group.ts';
import { KINDS, VirtualMachine, VMSnapshot } from '../../src/api/index.ts';
import {
  CONFIG_MAPS,
  EVENTS,
  LEASES,
  NAMESPACES,
  SECRETS,
  ownResource,
  type ApiResource,
} from '../../src/kube/resource.ts';
import { generated, toYaml, type Files } from './crds.ts';

const NAME = 'provider-proxmox';
const NAMESPACE = 'virtrigaud-system';
const API_VERSION = 'rbac.authorization.k8s.io/v1';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const ownKinds = (verbs: readonly string[], suffix = ''): Rule => ({
  apiGroups: [GROUP],
  resources: KINDS.map(({ plural }) => `${plural}${suffix}`),
  verbs,
});

const rule = ({ group, plural }: ApiResource, verbs: readonly string[]): Rule => ({
  apiGroups: [group],
  resources: [plural],
  verbs,
});

/** Wherever objects of ours are: in the whole cluster, or in each namespace that is watched. */
const OBJECT_RULES: readonly Rule[] = [
  // Finalizers are metadata, so they need patch on the objects themselves.
  ownKinds(['get', 'list', 'watch', 'patch']),
  ownKinds(['get', 'patch'], '/status'),
  // Schedules create VMSnapshots, and delete old ones.
  rule(ownResource(VMSnapshot), ['create', 'delete']),
  // A VMClone creates one VirtualMachine, and deletes none.
  rule(ownResource(VirtualMachine), ['create']),
  // Credentials, user data, SSH keys and settings: read by name, never listed.
  rule(SECRETS, ['get']),
  rule(CONFIG_MAPS, ['get']),
  // Repetitions of an event are counted in the event.
  rule(EVENTS, ['create', 'update']),
];

/**
 * In the whole cluster only: labels of Namespaces, if a Provider has grants that select namespaces by them, and their
 * annotations, if a VMClone is to create a VirtualMachine in another namespace.
 */
const CLUSTER_RULES: readonly Rule[] = [...OBJECT_RULES, rule(NAMESPACES, ['get', 'list', 'watch'])];

/**
 * In the operator's own namespace: leader election, the cluster id, the key of the digests in statuses, and the copies of
 * credentials. Those have names that are not known beforehand, so the rule covers every Secret of the namespace.
 */
const OWN_RULES: readonly Rule[] = [
  rule(LEASES, ['get', 'create', 'update']),
  rule(CONFIG_MAPS, ['get', 'create']),
  rule(SECRETS, ['get', 'list', 'create', 'update', 'delete']),
];

type RoleKind = 'ClusterRole' | 'Role';

/** A role and its binding to the operator's ServiceAccount. */
const granted = (
  kind: RoleKind,
  metadata: { readonly name: string; readonly namespace?: string },
  rules: readonly Rule[],
) => [
  { apiVersion: API_VERSION, kind, metadata, rules },
  {
    apiVersion: API_VERSION,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
  },
];

/** The chart fills in names and namespaces itself. */
const rulesOfTheChart = { objects: OBJECT_RULES, cluster: CLUSTER_RULES, own: OWN_RULES };

const yaml = (documents: readonly object[]): string =>
  generated('npm run generate') + documents.map(toYaml).join('---\n');

export const rbacFiles = (): Files =>
  new Map([
    [
      'deploy/kustomize/base/rbac.yaml',
      yaml([
        ...granted('ClusterRole', { name: NAME }, CLUSTER_RULES),
        ...granted('Role', { name: NAME, namespace: NAMESPACE }, OWN_RULES),
      ]),
    ],
    [
      // Another name than that of the role above: a namespace may be both watched and the operator's own.
      'deploy/kustomize/watched-namespace/rbac.yaml',
      yaml(granted('Role', { name: `${NAME}-watched` }, OBJECT_RULES)),
    ],
    ['deploy/chart/files/rules.yaml', yaml([rulesOfTheChart])],
  ]);
