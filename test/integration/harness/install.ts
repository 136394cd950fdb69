/** What a cluster administrator installs before the operator starts: our kinds and the admission policies. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { ControlPlane } from '../../../hack/control-plane/index.ts';
import { type KubeApi, kubeApi } from './kube-api.ts';
import { soon } from './soon.ts';

const ROOT = join(import.meta.dirname, '../../..');
const CRDS = readdirSync(join(ROOT, 'crds')).map((file) => join(ROOT, 'crds', file));
const POLICIES = join(ROOT, 'deploy/kustomize/base/admission.yaml');

const RESOURCES: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'apiextensions.k8s.io/v1/customresourcedefinitions',
  ValidatingAdmissionPolicy: 'admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};

const Installed = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
type Installed = z.output<typeof Installed>;

const objectsIn = (file: string): readonly Installed[] =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => Installed.parse(document.toJS()));

function pathOf({ kind, metadata }: Installed): string {
  const resource = RESOURCES[kind];
  if (resource === undefined) throw new Error(`install.ts knows no ${kind}`);
  return `/apis/${resource}/${metadata.name}`;
}

const Definition = z.object({
  metadata: z.object({ deletionTimestamp: z.string().optional() }),
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) }),
});

/** Until objects of the kind can be made. One that is being deleted is applied again when it is gone. */
async function establish(api: KubeApi, object: Installed): Promise<void> {
  await soon(async () => {
    await api.apply(pathOf(object), object);
    const { metadata, status } = Definition.parse(JSON.parse((await api.get(pathOf(object))) ?? ''));
    const established = status.conditions.some(
      ({ type, status: is }) => type === 'Established' && is === 'True',
    );
    if (metadata.deletionTimestamp !== undefined || !established)
      throw new Error(`${object.metadata.name} is not established`);
  });
}

/**
 * @param beforePolicies runs when our kinds are there, and the policies are not yet
 * @throws Error with what the API server said.
 */
export async function installOurs(
  { kubeconfig }: Pick<ControlPlane, 'kubeconfig'>,
  beforePolicies?: (api: KubeApi) => Promise<void>,
): Promise<void> {
  const api = await kubeApi(kubeconfig);
  try {
    await Promise.all(CRDS.flatMap(objectsIn).map((definition) => establish(api, definition)));
    await beforePolicies?.(api);
    await Promise.all(objectsIn(POLICIES).map((object) => api.apply(pathOf(object), object)));
  } finally {
    await api.close();
  }
}
