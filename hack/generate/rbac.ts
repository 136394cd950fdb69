/** Writes the permissions of the operator: what it does to our kinds, and the little it needs beside them. */
import { GROUP } from '../../src/api/group.ts';
import { KINDS } from '../../src/api/index.ts';
import { generated, toYaml, type Files } from './crds.ts';

const NAME = 'provider-proxmox';
const NAMESPACE = 'virtrigaud-system';

const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]) => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

const plurals = KINDS.map(({ plural }) => plural);

const roleBinding = (kind: 'ClusterRoleBinding' | 'RoleBinding', metadata: object) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata,
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: kind.replace('Binding', ''),
    name: NAME,
  },
  subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
});

const documents = () => [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: NAME },
    rules: [
      // Finalizers are metadata: hence patch on the objects themselves.
      rule(GROUP, plurals, ['get', 'list', 'watch', 'patch']),
      rule(
        GROUP,
        plurals.map((plural) => `${plural}/status`),
        ['get', 'patch'],
      ),
      // Credentials, user data, SSH keys and settings: read by name, never listed.
      rule('', ['secrets', 'configmaps'], ['get']),
      rule('events.k8s.io', ['events'], ['create']),
    ],
  },
  roleBinding('ClusterRoleBinding', { name: NAME }),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: NAME, namespace: NAMESPACE },
    rules: [
      // Leader election, and the identity of this Kubernetes cluster beside it.
      rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update']),
      rule('', ['configmaps'], ['get', 'create']),
      // The key of the digests in statuses; it is read by name like every Secret.
      rule('', ['secrets'], ['create']),
    ],
  },
  roleBinding('RoleBinding', { name: NAME, namespace: NAMESPACE }),
];

export const rbacFiles = (): Files =>
  new Map([
    [
      'deploy/kustomize/base/rbac.yaml',
      generated('npm run generate') + documents().map(toYaml).join('---\n'),
    ],
  ]);
