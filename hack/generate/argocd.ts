/** Writes the health check for Argo CD as a part of its ConfigMap, once for all kinds of the group. */
import { GROUP } from '../../src/api/group.ts';
import { generated, toYaml, type Files } from './crds.ts';

const SCRIPT = 'deploy/argocd/health.lua';

/** @throws if there is no script */
export function argocdFiles(current: (path: string) => string | undefined): Files {
  const script = current(SCRIPT);
  if (script === undefined) throw new Error(`${SCRIPT} does not exist.`);
  // Keys of a ConfigMap cannot contain `*`, so the newer keys with the kind in their name would be one for each kind.
  const customizations = toYaml({ [`${GROUP}/*`]: { 'health.lua': script } });
  return new Map([
    [
      'deploy/argocd/argocd-cm.yaml',
      generated('npm run generate') +
        toYaml({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            name: 'argocd-cm',
            namespace: 'argocd',
            labels: { 'app.kubernetes.io/name': 'argocd-cm', 'app.kubernetes.io/part-of': 'argocd' },
          },
          data: { 'resource.customizations': customizations },
        }),
    ],
  ]);
}
