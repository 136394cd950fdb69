/** An object of the shared control plane that is older than the admission policies, which refuse its annotation. */
import { API_VERSION } from '../../../src/api/group.ts';
import type { KubeApi } from './kube-api.ts';

const NAMESPACE = 'before-the-policies';
export const OLD_ANNOTATION = 'virtrigaud.io/typo';
export const OLD_OBJECT = `/apis/${API_VERSION}/namespaces/${NAMESPACE}/vmclasses/old`;

export async function makeOldObject(api: KubeApi): Promise<void> {
  await api.apply(`/api/v1/namespaces/${NAMESPACE}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
  await api.apply(OLD_OBJECT, {
    apiVersion: API_VERSION,
    kind: 'VMClass',
    metadata: { name: 'old', annotations: { [OLD_ANNOTATION]: 'from before' } },
    spec: { cpus: 2, memory: '4Gi' },
  });
}
