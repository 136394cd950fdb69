/** The policy that refuses to delete what all guests depend on, until it is annotated. */
import { CONFIRM_DELETION } from '../../src/api/annotations.ts';
import { GROUP } from '../../src/api/group.ts';
import { KINDS } from '../../src/api/index.ts';
import { OPERATOR_NAME } from '../../src/cmd/operator/names.ts';
import type { Policy } from './admission-policy.ts';

const NAMESPACE = 'virtrigaud-system';

/** Of a namespace that was deleted nothing must stay. */
const NAMESPACE_CONTROLLER = 'system:serviceaccount:kube-system:namespace-controller';

const consequence = {
  customresourcedefinitions:
    'all objects of this kind are deleted with it, and with VirtualMachines their guests in Proxmox VE and the disks of these',
  namespaces:
    'the identity of this installation is deleted with it, and afterwards the operator no longer knows any of its guests',
  configmaps:
    'it is the identity of this installation, and without it the operator no longer knows any of its guests',
} as const;

const messages = Object.entries(consequence)
  .map(([resource, text]) => `'${resource}': '${text}'`)
  .join(', ');

const deletionOf = (
  [group, version]: readonly [string, string],
  resource: keyof typeof consequence,
  resourceNames: readonly string[],
): Policy['rules'][number] => ({
  apiGroups: [group],
  apiVersions: [version],
  operations: ['DELETE'],
  resources: [resource],
  resourceNames,
});

export const deletionGuard: Policy = {
  name: `deletion.${GROUP}`,
  action: 'Deny',
  rules: [
    deletionOf(
      ['apiextensions.k8s.io', 'v1'],
      'customresourcedefinitions',
      KINDS.map(({ plural }) => `${plural}.${GROUP}`),
    ),
    deletionOf(['', 'v1'], 'namespaces', [NAMESPACE]),
    deletionOf(['', 'v1'], 'configmaps', [OPERATOR_NAME]),
  ],
  matchConditions: [
    { name: 'by-a-person', expression: `request.userInfo.username != '${NAMESPACE_CONTROLLER}'` },
    // Others may have a ConfigMap of the same name.
    {
      name: 'has-the-identity',
      expression: `request.resource.resource != 'configmaps' || 'clusterId' in oldObject.?data.orValue({})`,
    },
  ],
  validations: [
    {
      expression: `oldObject.metadata.?annotations['${CONFIRM_DELETION}'].orValue('') == 'true'`,
      messageExpression: `request.name + ' is not deleted: ' + {${messages}}[request.resource.resource] + '. If that is intended, annotate it first: ${CONFIRM_DELETION}=true'`,
    },
  ],
};

export const deletionGuardText = [
  `These are not deleted until they are annotated with \`${CONFIRM_DELETION}: "true"\`:`,
  '',
  `- a CRD of \`${GROUP}\`: ${consequence.customresourcedefinitions};`,
  `- the Namespace \`${NAMESPACE}\`: ${consequence.namespaces};`,
  `- the ConfigMap \`${OPERATOR_NAME}\`: ${consequence.configmaps}.`,
  '',
  '[Uninstalling](uninstall.md) has the steps in their order.',
].join('\n');
