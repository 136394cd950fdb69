import { z } from 'zod';
import type { KubeApi } from './kube-api.ts';

const Review = z.object({ status: z.object({ allowed: z.boolean() }) });

export interface Right {
  readonly verb: string;
  /** `virtualmachines`, or with its subresource `virtualmachines/status`. */
  readonly what: string;
  /** Absent: that of Kubernetes' own objects. */
  readonly group?: string;
  /** Absent: all namespaces. */
  readonly namespace?: string;
}

/** Whether a ServiceAccount has the right, as `kubectl auth can-i --as` says. */
export async function mayServiceAccount(
  api: KubeApi,
  account: { readonly namespace: string; readonly name: string },
  { verb, what, group = '', namespace = '' }: Right,
): Promise<boolean> {
  const [resource, subresource] = what.split('/');
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${account.namespace}:${account.name}`,
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${account.namespace}`,
        'system:authenticated',
      ],
      resourceAttributes: { namespace, verb, group, resource, subresource },
    },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  return Review.parse(JSON.parse(await api.create(path, review))).status.allowed;
}
